/* Tree ensembles as arrays. open_forest() checks the arrays and keeps a packed copy that nobody
 * else can change, so score() neither reads nor writes outside of what it holds. */
#include <Python.h>

#include "_forest_walk.h"

/* Rows times trees, some 3 ms: who gives the interpreter away for less may wait longer to get it
 * back. */
enum { LONG_WORK = 500000 };
static const char *const NAME = "gatehouse.forest";

static int doubles(PyObject *object, Py_buffer *view, int flags) {
    if (PyObject_GetBuffer(object, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | flags)) return -1;
    if (view->format != NULL && strcmp(view->format, "d") == 0) return 0;
    PyBuffer_Release(view);
    PyErr_SetString(PyExc_TypeError, "expected an array of float64");
    return -1;
}

static int score_views(const Forest *forest, const Py_buffer *matrix, const Py_buffer *out) {
    if (matrix->ndim != 2 || matrix->shape[1] != forest->n_features ||
        out->len != matrix->shape[0] * forest->n_outputs * (Py_ssize_t)sizeof(double)) {
        PyErr_SetString(PyExc_ValueError, "the shape does not fit the forest");
        return -1;
    }
    const Py_ssize_t n_rows = matrix->shape[0];
    PyThreadState *state = n_rows * forest->n_trees >= LONG_WORK ? PyEval_SaveThread() : NULL;
    const int failed = score_rows(forest, matrix->buf, n_rows, out->buf);
    if (state != NULL) PyEval_RestoreThread(state);
    if (failed) PyErr_NoMemory();
    return failed;
}

/* score(forest, matrix, out): out is written, nothing is returned. */
static PyObject *score(PyObject *module, PyObject *const *arguments, Py_ssize_t n_arguments) {
    Py_buffer matrix, out;
    int failed;
    if (n_arguments != 3) return PyErr_Format(PyExc_TypeError, "expected forest, matrix and out");
    const Forest *forest = PyCapsule_GetPointer(arguments[0], NAME);
    if (forest == NULL || doubles(arguments[1], &matrix, 0)) return NULL;
    failed = doubles(arguments[2], &out, PyBUF_WRITABLE);
    if (!failed) {
        failed = score_views(forest, &matrix, &out);
        PyBuffer_Release(&out);
    }
    PyBuffer_Release(&matrix);
    if (failed) return NULL;
    Py_RETURN_NONE;
}

static void close_forest(Forest *forest) {
    free(forest->nodes), free(forest->missing_right), free(forest->roots), free(forest->values);
    free(forest->start), free(forest);
}

static void close_capsule(PyObject *capsule) { close_forest(PyCapsule_GetPointer(capsule, NAME)); }

enum { LEFT, FEATURE, THRESHOLD, MISSING_LEFT, ROOTS, VALUES, START, N_VIEWS };

/* The sizes agree with one another, and every index that is computed from them fits its type. */
static int sizes_fit(Forest *forest, const Py_buffer *views) {
    forest->n_nodes = views[LEFT].len / 4;
    forest->n_trees = views[ROOTS].len / 4;
    forest->n_sums = views[START].len / 8;
    const int is_binary = forest->link == LOGIT || forest->link == HALF_LOGIT;
    forest->n_outputs = is_binary ? 2 : forest->n_sums;
    return views[LEFT].len == 4 * forest->n_nodes && views[FEATURE].len == 4 * forest->n_nodes &&
           views[THRESHOLD].len == 8 * forest->n_nodes &&
           views[MISSING_LEFT].len == forest->n_nodes && views[ROOTS].len == 4 * forest->n_trees &&
           views[START].len == 8 * forest->n_sums && forest->n_nodes < INT32_MAX &&
           forest->n_trees > 0 && forest->n_sums > 0 && forest->n_sums < 1 << 24 &&
           forest->n_features > 0 && forest->n_features < 1 << 24 && forest->link >= VALUE &&
           forest->link <= SOFTMAX && (forest->width == 1 || forest->width == forest->n_sums) &&
           (forest->n_sums == 1 || forest->link == VALUE || forest->link == SOFTMAX);
}

/* Children come after their parent, in the same tree: every walk ends, and it ends in a leaf. */
static int pack_tree(Forest *forest, const Py_buffer *views, int32_t first, int32_t end,
                     uint32_t *n_leaves) {
    const int32_t *lefts = views[LEFT].buf, *features = views[FEATURE].buf;
    const double *thresholds = views[THRESHOLD].buf;
    const uint8_t *missing_left = views[MISSING_LEFT].buf;
    for (int32_t i = first; i < end; i++) {
        const int32_t left = lefts[i], feature = features[i];
        Node *node = forest->nodes + i;
        if (left < 0) {
            const uint64_t bits = UINT64_C(0x7ff8000000000000) | (*n_leaves)++;
            *node = (Node){.left = (uint32_t)i};
            memcpy(&node->threshold, &bits, sizeof bits);
            forest->missing_right[i] = 0;
            continue;
        }
        if (left <= i || left >= end - 1 || feature < 0 || feature >= forest->n_features) return 0;
        if (isnan(thresholds[i])) return 0;
        *node = (Node){thresholds[i], (uint32_t)left, (uint32_t)feature};
        forest->missing_right[i] = !missing_left[i];
    }
    return 1;
}

static int trees_fit(Forest *forest, const Py_buffer *views) {
    uint32_t n_leaves = 0;
    if (forest->roots[0] != 0) return 0;
    for (Py_ssize_t tree = 0; tree < forest->n_trees; tree++) {
        const int64_t first = forest->roots[tree];
        const int64_t end = tree + 1 < forest->n_trees ? forest->roots[tree + 1] : forest->n_nodes;
        if (end <= first || end > forest->n_nodes) return 0;
        if (!pack_tree(forest, views, (int32_t)first, (int32_t)end, &n_leaves)) return 0;
    }
    return views[VALUES].len == (Py_ssize_t)n_leaves * forest->width * 8;
}

static void *copy_of(const Py_buffer *view) {
    void *copy = malloc(view->len + 1);
    if (copy != NULL) memcpy(copy, view->buf, view->len);
    return copy;
}

static PyObject *pack(Forest *forest, const Py_buffer *views) {
    if (!sizes_fit(forest, views))
        return PyErr_Format(PyExc_ValueError, "the sizes of the arrays do not fit");
    forest->nodes = malloc((forest->n_nodes + 1) * sizeof *forest->nodes);
    forest->missing_right = malloc(forest->n_nodes + 1);
    forest->roots = copy_of(views + ROOTS);
    forest->values = copy_of(views + VALUES);
    forest->start = copy_of(views + START);
    if (!forest->nodes || !forest->missing_right || !forest->roots || !forest->values ||
        !forest->start)
        return PyErr_NoMemory();
    if (!trees_fit(forest, views))
        return PyErr_Format(PyExc_ValueError, "a node, root or leaf is out of place");
    return PyCapsule_New(forest, NAME, close_capsule);
}

static PyObject *open_forest(PyObject *module, PyObject *arguments) {
    Py_buffer v[N_VIEWS];
    Forest given = {0}, *forest;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*y*y*y*nndipp", v + LEFT, v + FEATURE, v + THRESHOLD,
                          v + MISSING_LEFT, v + ROOTS, v + VALUES, v + START, &given.n_features,
                          &given.width, &given.divisor, &given.link, &given.zero_is_second,
                          &given.rounds))
        return NULL;
    PyObject *capsule = NULL;
    forest = malloc(sizeof *forest);
    if (forest == NULL) PyErr_NoMemory();
    else {
        *forest = given;
        capsule = pack(forest, v);
        if (capsule == NULL) close_forest(forest);
    }
    for (int i = 0; i < N_VIEWS; i++) PyBuffer_Release(v + i);
    return capsule;
}

static PyMethodDef METHODS[] = {
    {"open_forest", open_forest, METH_VARARGS, NULL},
    {"score", (PyCFunction)(void (*)(void))score, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "_forest", NULL, 0, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__forest(void) { return PyModuleDef_Init(&MODULE); }
