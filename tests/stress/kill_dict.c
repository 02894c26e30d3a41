/* Workers that are killed while they change dicts, and count what they know is done
 * (kill_dict.h). */
#include "kill_dict.h"

static void
step_counting(uint64_t *random)
{
    uint64_t r = random_of(random), w = self.me, k = (r >> 8) % COUNTERS;
    struct dict_result res;
    struct key name;
    size_t head;
    struct dict_value v;
    switch (r % 8) {
    case 0:
    case 1:
        incr("counter", k, 0, 1);
        atom_set(&control->acked[w][k], control->acked[w][k] + 1);
        break;
    case 2:
        v = text_of(w, (r >> 16) % ((r >> 40) % 32 ? 900 : 70000), &head);
        set("text", w, k, v);
        break;
    case 3:
        v = get("text", 1 + (r >> 16) % WORKERS, k);
        CHECK(!v.present || is_text_of(1 + (r >> 16) % WORKERS, &v));
        break;
    case 4:
        v = get("grown", w, k);
        if (v.present && v.len > 3000) {
            CHECK(remove_key("grown", w, k));
            break;
        }
        v = text_of(k, 256, &head);
        CHECK(change(DICT_APPEND, key(&name, "grown", w, k), v, head, &res) == 0);
        break;
    case 5:
        if (r & 256)
            set("passing", w, (r >> 16) % 200, number((double)r));
        else
            (void)remove_key("passing", w, (r >> 16) % 200);
        break;
    case 6:
        transfer(r >> 5);
        break;
    case 7:
        if (r & 256)
            fail_to_transfer(r);
        else
            transfer(r >> 5);
        break;
    }
}

static void
count(void)
{
    uint64_t random = hash_mix(seed, hash_mix(self.me, control->deaths + 1)) | 1;
    while (!atom_peek(&control->stop)) {
        step_counting(&random);
        atom_set(&control->ops[self.me], control->ops[self.me] + 1);
    }
}

static void
check_counted(void)
{
    check_total(look);
    check_shards();
    check_blocks();
    double lost = 0;
    for (uint64_t c = 0; c < COUNTERS; c++) {
        double acked = 0, value = look("counter", c, 0).number;
        for (int k = 1; k <= WORKERS; k++)
            acked += (double)control->acked[k][c];
        CHECK(value >= acked && value <= acked + control->deaths);
        lost += value - acked;
    }
    CHECK(lost <= control->deaths);
    for (uint64_t w = 1; w <= WORKERS; w++) {
        for (uint64_t k = 0; k < COUNTERS; k++) {
            struct dict_value v = look("text", w, k);
            CHECK(!v.present || is_text_of(w, &v));
            v = look("grown", w, k);
            CHECK(!v.present || (v.len - 3) % 256 == 0);
        }
    }
}

int
main(int argc, char **argv)
{
    return kill_dict_main(argc, argv, "what a worker was told is done is done once", NULL, count,
                          check_counted);
}
