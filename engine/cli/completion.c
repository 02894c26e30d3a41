#include "cli/completion.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/help.h"
#include "job/options.h"

/* Calls fn for prunner itself, whose name here is "", and for each sub-command. */
static void
each_command(const struct subcommand *commands, void (*fn)(const struct subcommand *command))
{
    static const struct subcommand itself = {.name = "", .options = prn_options};
    fn(&itself);
    for (const struct subcommand *s = commands; s->name; s++)
        fn(s);
}

static bool
takes(const struct option_row *row, const char *value)
{
    return row->value && strcmp(row->value, value) == 0;
}

/* What an option is for: its help up to the first : ; or full stop, in one line,
 * with `escape` before those of `special`. All shells have it in single quotes. */
static void
put_summary(const char *text, const char *special, const char *escape)
{
    for (const char *p = text; *p && *p != ':' && *p != ';'; p++) {
        if (*p == '.' && (p[1] == '\0' || p[1] == ' ' || p[1] == '\n'))
            break;
        if (*p == '\'') {
            fputs("'\\''", stdout);
            continue;
        }
        if (strchr(special, *p))
            fputs(escape, stdout);
        putchar(*p == '\n' ? ' ' : *p);
    }
}

static void
put_command_names(const struct subcommand *commands)
{
    for (const struct subcommand *s = commands; s->name; s++)
        printf("%s%s", s == commands ? "" : " ", s->name);
}

/* ---- bash: nothing of the package bash-completion is needed -------------- */

/* clang-format off */
static const char bash_head[] =
    "# bash completion for prunner, made by: prunner --completion bash\n"
    "\n"
    "# What is offered for the value of option $2 of command $1. Fails if it takes none.\n"
    "_prunner_value()\n"
    "{\n"
    "    case \"$1 $2\" in\n";

static const char bash_options_head[] =
    "    *) return 1 ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "_prunner_options()\n"
    "{\n"
    "    case $1 in\n";

static const char bash_words_head[] =
    "    *) return 1 ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "# The words that command $1 takes. Fails if these are files.\n"
    "_prunner_words()\n"
    "{\n"
    "    case $1 in\n";

static const char bash_commands_head[] =
    "    *) return 1 ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "_prunner_commands='";

static const char bash_tail[] =
    "'\n"
    "\n"
    "_prunner()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local i=1 command= script= literal= offer\n"
    "    COMPREPLY=()\n"
    "    if [[ $cur == = ]]; then # --order=lifo is three words here\n"
    "        cur=\n"
    "    elif [[ $prev == = ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD-2]}\n"
    "    fi\n"
    "    if ((COMP_CWORD > 1)) && _prunner_options \"${COMP_WORDS[1]}\" >/dev/null; then\n"
    "        command=${COMP_WORDS[1]} script=none i=2\n"
    "    fi\n"
    "    for (( ; i < COMP_CWORD; i++)); do\n"
    "        case $literal${COMP_WORDS[i]} in\n"
    "        --) literal=yes ;;\n"
    "        -?*)\n"
    "            _prunner_value \"$command\" \"${COMP_WORDS[i]}\" || continue\n"
    "            [[ ${COMP_WORDS[i+1]} != = ]] || ((i++))\n"
    "            ((i++))\n"
    "            ;;\n"
    "        *) script=given ;;\n"
    "        esac\n"
    "    done\n"
    "    if [[ ! $literal ]] && _prunner_value \"$command\" \"$prev\"; then\n"
    "        ((${#offer[@]} == 0)) ||\n"
    "            mapfile -t COMPREPLY < <(compgen \"${offer[@]}\" -- \"$cur\")\n"
    "        [[ ${offer[0]} == -W ]] || compopt -o filenames 2>/dev/null\n"
    "        return\n"
    "    fi\n"
    "    if [[ $cur == -* && ! $literal ]]; then\n"
    "        mapfile -t COMPREPLY < <(\n"
    "            compgen -W \"$(_prunner_options \"$command\")\" -- \"$cur\")\n"
    "        return\n"
    "    fi\n"
    "    if offer=$(_prunner_words \"$command\"); then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$offer\" -- \"$cur\")\n"
    "        return\n"
    "    fi\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    if [[ ! $script ]]; then\n"
    "        mapfile -t COMPREPLY < <(\n"
    "            compgen -f -X '!*.lua' -- \"$cur\"\n"
    "            compgen -d -- \"$cur\"\n"
    "            ((COMP_CWORD > 1)) || compgen -W \"$_prunner_commands\" -- \"$cur\")\n"
    "    fi\n"
    "    ((${#COMPREPLY[@]})) || mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "}\n"
    "\n"
    "complete -F _prunner prunner\n";
/* clang-format on */

static void
bash_values(const struct subcommand *command)
{
    for (const struct option_row *row = command->options; row->name; row++) {
        if (!row->value)
            continue;
        fputs("    ", stdout);
        if (row->letter)
            printf("'%s -%c' | ", command->name, row->letter);
        printf("'%s --%s') offer=(", command->name, row->name);
        if (row->offer)
            printf("-W '%s'", row->offer);
        else if (takes(row, "FILE"))
            fputs("-f", stdout);
        else if (takes(row, "DIR"))
            fputs("-d", stdout);
        fputs(") ;;\n", stdout);
    }
}

static void
bash_options(const struct subcommand *command)
{
    printf("    '%s') echo '", command->name);
    for (const struct option_row *row = command->options; row->name; row++) {
        if (row->letter)
            printf("-%c ", row->letter);
        printf("--%s ", row->name);
    }
    fputs("' ;;\n", stdout);
}

static void
bash_words(const struct subcommand *command)
{
    if (command->offer)
        printf("    '%s') echo '%s' ;;\n", command->name, command->offer);
}

static void
print_bash(const struct subcommand *commands)
{
    fputs(bash_head, stdout);
    each_command(commands, bash_values);
    fputs(bash_options_head, stdout);
    each_command(commands, bash_options);
    fputs(bash_words_head, stdout);
    each_command(commands, bash_words);
    fputs(bash_commands_head, stdout);
    put_command_names(commands);
    fputs(bash_tail, stdout);
}

/* ---- zsh ----------------------------------------------------------------- */

/* One name of an option, as _arguments wants it. */
static void
zsh_option(const struct option_row *row, const char *dashes, const char *name)
{
    const char *joint = !row->value ? "" : dashes[1] ? "="
                                                     : "+";
    printf("      '%s%s%s[", dashes, name, joint);
    put_summary(row->help, "[]\\", "\\");
    putchar(']');
    if (row->offer)
        printf(":%s:(%s)", row->value, row->offer);
    else if (row->value)
        printf(":%s:%s", row->value,
               takes(row, "FILE") ? "_files" : takes(row, "DIR") ? "_files -/"
                                                                 : " ");
    fputs("' \\\n", stdout);
}

static void
zsh_command(const struct subcommand *command)
{
    printf("    '%s') _arguments -s -S \\\n", command->name);
    for (const struct option_row *row = command->options; row->name; row++) {
        char letter[] = {row->letter, '\0'};
        if (row->letter)
            zsh_option(row, "-", letter);
        zsh_option(row, "--", row->name);
    }
    if (!*command->name)
        fputs("      '1:script:_prunner_script' \\\n", stdout);
    if (command->offer)
        printf("      '*:what:(%s)' ;;\n", command->offer);
    else
        fputs("      '*:argument:_files' ;;\n", stdout);
}

static void
print_zsh(const struct subcommand *commands)
{
    fputs("#compdef prunner\n"
          "# zsh completion for prunner, made by: prunner --completion zsh\n"
          "\n"
          "_prunner_script() {\n"
          "  local -a commands=(\n",
          stdout);
    for (const struct subcommand *s = commands; s->name; s++) {
        printf("    '%s:", s->name);
        put_summary(s->help, ":\\", "\\");
        fputs("'\n", stdout);
    }
    fputs("  )\n"
          "  (( CURRENT > 2 )) || _describe -t commands command commands\n"
          "  _files -g '*.lua'\n"
          "}\n"
          "\n"
          "_prunner() {\n"
          "  local command=\n"
          "  case $CURRENT:$words[2] in\n"
          "    2:*) ;;\n"
          "    *:(",
          stdout);
    for (const struct subcommand *s = commands; s->name; s++)
        printf("%s%s", s == commands ? "" : "|", s->name);
    fputs(")) command=$words[2]; shift words; (( CURRENT-- )) ;;\n"
          "  esac\n"
          "  case $command in\n",
          stdout);
    each_command(commands, zsh_command);
    fputs("  esac\n"
          "}\n"
          "\n"
          "_prunner \"$@\"\n",
          stdout);
}

/* ---- fish ---------------------------------------------------------------- */

static const char fish_script[] =
    "        set -e words[1]\n"
    "    end\n"
    "end\n"
    "\n"
    "complete -c prunner -f -k -n __prunner_needs_script -a '(__fish_complete_suffix .lua)'\n";

static void
fish_valued(const struct subcommand *command)
{
    if (*command->name)
        return;
    for (const struct option_row *row = command->options; row->name; row++) {
        if (row->value && row->letter)
            printf(" -%c", row->letter);
        if (row->value)
            printf(" --%s", row->name);
    }
}

static void
fish_options(const struct subcommand *command)
{
    if (command->offer)
        printf("complete -c prunner -n '__prunner_in \"%s\"' -f -a '%s'\n", command->name,
               command->offer);
    for (const struct option_row *row = command->options; row->name; row++) {
        printf("complete -c prunner -n '__prunner_in \"%s\"' -l %s", command->name, row->name);
        if (row->letter)
            printf(" -s %c", row->letter);
        if (row->offer)
            printf(" -x -a '%s'", row->offer);
        else if (row->value)
            fputs(takes(row, "FILE")  ? " -r -F"
                  : takes(row, "DIR") ? " -x -a '(__fish_complete_directories)'"
                                      : " -x",
                  stdout);
        fputs(" -d '", stdout);
        put_summary(row->help, "\\'", "\\");
        fputs("'\n", stdout);
    }
}

static void
print_fish(const struct subcommand *commands)
{
    fputs("# fish completion for prunner, made by: prunner --completion fish\n"
          "\n"
          "# Is this the command line of that sub-command, or, with \"\", of none?\n"
          "function __prunner_in\n"
          "    set -l words (commandline -opc)\n"
          "    set -l command ''\n"
          "    if set -q words[2]; and contains -- $words[2] ",
          stdout);
    put_command_names(commands);
    fputs("\n"
          "        set command $words[2]\n"
          "    end\n"
          "    test \"$command\" = \"$argv[1]\"\n"
          "end\n"
          "\n"
          "function __prunner_needs_script\n"
          "    __prunner_in ''; or return 1\n"
          "    set -l words (commandline -opc)\n"
          "    set -e words[1]\n"
          "    while set -q words[1]\n"
          "        switch $words[1]\n"
          "            case",
          stdout);
    each_command(commands, fish_valued);
    fputs("\n"
          "                set -e words[1]\n"
          "            case '-?*'\n"
          "            case '*'\n"
          "                return 1\n"
          "        end\n",
          stdout);
    fputs(fish_script, stdout);
    for (const struct subcommand *s = commands; s->name; s++) {
        printf("complete -c prunner -n 'test (count (commandline -opc)) = 1' -a %s -d '", s->name);
        put_summary(s->help, "\\'", "\\");
        fputs("'\n", stdout);
    }
    each_command(commands, fish_options);
}

void
completion_print(const char *shell, const struct subcommand *commands)
{
    if (strcmp(shell, "bash") == 0)
        print_bash(commands);
    else if (strcmp(shell, "zsh") == 0)
        print_zsh(commands);
    else
        print_fish(commands);
    (void)fflush(stdout);
}
