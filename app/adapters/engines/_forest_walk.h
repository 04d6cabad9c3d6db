/* A packed forest and the walk through it: plain C, nothing of Python. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A step waits on memory and on a comparison; steps of other walks fill the wait. */
enum { LANES = 16, BLOCK = 4 * LANES };
enum { VALUE, EXPONENTIAL, LOGIT, HALF_LOGIT, SOFTMAX };

/* The right child follows the left one. A leaf is its own left child and holds a NaN, which nothing
 * is greater than, so a walk stays there; the lower half of the NaN is the leaf's row of values. */
typedef struct {
    double threshold;
    uint32_t left, feature;
} Node;

typedef struct {
    Node *nodes;
    uint8_t *missing_right; /* 1 where a NaN goes right */
    uint32_t *roots;
    double *values, *start;
    ptrdiff_t n_nodes, n_trees, n_features, n_sums, width, n_outputs;
    double divisor;
    int link, zero_is_second, rounds;
} Forest;

static inline uint32_t row_of(const Node *leaf) {
    uint64_t bits;
    memcpy(&bits, &leaf->threshold, sizeof bits);
    return (uint32_t)bits;
}

/* Take every lane from its node in *at* to its leaf; lane l reads feature j at
 * x[j * stride + l * step]. */
static inline __attribute__((always_inline)) void walk(const Forest *forest, const double *x,
                                                       size_t stride, size_t step, int careful,
                                                       uint32_t at[LANES]) {
    const Node *const nodes = forest->nodes;
    uint32_t moved;
    do {
        moved = 0;
#pragma GCC unroll 16
        for (int lane = 0; lane < LANES; lane++) {
            const Node *node = nodes + at[lane];
            const double value = (x + lane * step)[node->feature * stride];
            uint32_t right = value > node->threshold;
            if (careful) right |= (value != value) & forest->missing_right[at[lane]];
            const uint32_t next = node->left + right;
            moved |= next ^ at[lane];
            at[lane] = next;
        }
    } while (moved);
}

static inline void add_leaf(const Forest *forest, ptrdiff_t tree, uint32_t leaf, double *sums) {
    const double *values = forest->values + row_of(forest->nodes + leaf) * forest->width;
    if (forest->width == 1) {
        sums[tree % forest->n_sums] += values[0];
        return;
    }
    for (ptrdiff_t k = 0; k < forest->width; k++) sums[k] += values[k];
}

/* One row: the lanes are trees. *x* holds (n_features), *sums* (n_sums). */
static void walk_row(const Forest *forest, const double *x, int careful, double *sums) {
    for (ptrdiff_t tree = 0; tree < forest->n_trees; tree += LANES) {
        const ptrdiff_t left = forest->n_trees - tree, used = left < LANES ? left : LANES;
        uint32_t at[LANES];
        for (int lane = 0; lane < LANES; lane++)
            at[lane] = forest->roots[tree + (lane < used ? lane : used - 1)];
        if (careful) walk(forest, x, 1, 0, 1, at);
        else walk(forest, x, 1, 0, 0, at);
        for (int lane = 0; lane < used; lane++) add_leaf(forest, tree + lane, at[lane], sums);
    }
}

/* *groups* times LANES rows: the lanes are rows, and each tree is used for all of them while it is
 * in the cache. *x* holds (groups, n_features, LANES), *sums* (groups * LANES, n_sums). */
static void walk_groups(const Forest *forest, const double *x, int groups, int careful,
                        double *sums) {
    for (ptrdiff_t tree = 0; tree < forest->n_trees; tree++)
        for (int group = 0; group < groups; group++) {
            const double *rows = x + group * forest->n_features * LANES;
            uint32_t at[LANES];
            for (int lane = 0; lane < LANES; lane++) at[lane] = forest->roots[tree];
            if (careful) walk(forest, rows, LANES, 1, 1, at);
            else walk(forest, rows, LANES, 1, 0, at);
            for (int lane = 0; lane < LANES; lane++)
                add_leaf(forest, tree, at[lane], sums + (group * LANES + lane) * forest->n_sums);
        }
}

/* Copy one row to x[j * stride], rounded as the trees saw their training data. Return 1 when a
 * value is NaN. */
static int take_row(const Forest *forest, const double *row, ptrdiff_t stride, double *x) {
    int missing = 0;
    for (ptrdiff_t j = 0; j < forest->n_features; j++) {
        const double value = forest->rounds ? (double)(float)row[j] : row[j];
        missing |= value != value;
        x[j * stride] = value;
    }
    return missing;
}

/* Rounding may leave two classes level of which the raw sums prefer one: the label goes by the
 * sums. */
static void let_win(double *shares, ptrdiff_t n, ptrdiff_t winner) {
    ptrdiff_t first = 0;
    for (ptrdiff_t k = 1; k < n; k++)
        if (shares[k] > shares[first]) first = k;
    if (first != winner) shares[winner] = nextafter(shares[first], 2.0);
}

static void finish_binary(const Forest *forest, double sum, double *out) {
    out[1] = 1.0 / (1.0 + exp(forest->link == LOGIT ? -sum : -2.0 * sum));
    out[0] = 1.0 - out[1];
    let_win(out, 2, sum > 0.0 || (sum == 0.0 && forest->zero_is_second));
}

static void finish_softmax(const double *sums, ptrdiff_t n, double *out) {
    ptrdiff_t winner = 0;
    double total = 0.0;
    for (ptrdiff_t k = 1; k < n; k++)
        if (sums[k] > sums[winner]) winner = k;
    for (ptrdiff_t k = 0; k < n; k++) total += out[k] = exp(sums[k] - sums[winner]);
    for (ptrdiff_t k = 0; k < n; k++) out[k] /= total;
    let_win(out, n, winner);
}

static void finish_row(const Forest *forest, const double *sums, double *out) {
    if (forest->link == EXPONENTIAL) *out = exp(*sums);
    else if (forest->link == SOFTMAX) finish_softmax(sums, forest->n_sums, out);
    else if (forest->link != VALUE) finish_binary(forest, *sums, out);
    else
        for (ptrdiff_t k = 0; k < forest->n_sums; k++) out[k] = sums[k] / forest->divisor;
}

/* Score up to BLOCK rows: whole groups together, the rest one by one. */
static void score_block(const Forest *forest, const double *matrix, ptrdiff_t n_rows, double *x,
                        double *out) {
    double *sums = x + n_rows * forest->n_features;
    const int groups = (int)(n_rows / LANES);
    int careful = 0;
    for (ptrdiff_t row = 0; row < n_rows; row++)
        memcpy(sums + row * forest->n_sums, forest->start, forest->n_sums * sizeof *sums);
    for (ptrdiff_t row = 0; row < groups * LANES; row++)
        careful |= take_row(forest, matrix + row * forest->n_features, LANES,
                            x + row / LANES * forest->n_features * LANES + row % LANES);
    walk_groups(forest, x, groups, careful, sums);
    for (ptrdiff_t row = groups * LANES; row < n_rows; row++) {
        careful = take_row(forest, matrix + row * forest->n_features, 1, x);
        walk_row(forest, x, careful, sums + row * forest->n_sums);
    }
    for (ptrdiff_t row = 0; row < n_rows; row++)
        finish_row(forest, sums + row * forest->n_sums, out + row * forest->n_outputs);
}

static int score_rows(const Forest *forest, const double *matrix, ptrdiff_t n_rows, double *out) {
    const ptrdiff_t most = n_rows < BLOCK ? n_rows : BLOCK;
    double *x = malloc((most * (forest->n_features + forest->n_sums) + 1) * sizeof *x);
    if (x == NULL) return -1;
    for (ptrdiff_t row = 0; row < n_rows; row += BLOCK) {
        const ptrdiff_t left = n_rows - row;
        score_block(forest, matrix + row * forest->n_features, left < BLOCK ? left : BLOCK, x,
                    out + row * forest->n_outputs);
    }
    free(x);
    return 0;
}
