# The sum job on MCE::Queue: workers post, several tasks at a time where they can. The sum and the
# number of tasks left are kept by the manager process, which MCE->do calls: that is the lock.
#
#   perl mce_sum.pl N W      prints N * (N + 1)

use strict;
use warnings;
use MCE::Flow;
use MCE::Queue;

my ($n, $workers) = @ARGV;
my $queue = MCE::Queue->new(fast => 0);
my ($sum, $left) = (0, 1);

sub more { $left += $_[0]; return }

sub add {
    $sum += $_[0];
    $queue->end if --$left == 0;
    return;
}

my %functions = (
    init => sub {
        my ($n) = @_;
        MCE->do('more', $n - 1);
        $queue->enqueue(map { ['add_one', $_] } 0 .. $n - 1);
    },
    add_one => sub { $queue->enqueue(['double', $_[0] + 1]) },
    double  => sub {
        MCE->do('more', 1);
        $queue->enqueue(['sum_up', $_[0]], ['sum_up', $_[0]]);
    },
    sum_up => sub { MCE->do('add', $_[0]) },
);

$queue->enqueue(['init', $n]);
mce_flow { max_workers => $workers }, sub {
    while (defined(my $task = $queue->dequeue)) {
        my ($name, $arg) = @$task;
        $functions{$name}->($arg);
    }
};
MCE::Flow->finish;
print "$sum\n";
