"""Names that a model file has no business with, by kind."""

from __future__ import annotations

PROGRAMS = """
os.system posix.system nt.system os.popen os.execv subprocess.Popen subprocess.check_output
commands.getoutput pty.spawn multiprocessing.Process asyncio.run webbrowser.open antigravity.geohash
ctypes.CDLL _ctypes.dlopen signal.raise_signal sys.exit posix._exit
"""

TEXT_THAT_RUNS = """
builtins.exec builtins.eval builtins.compile __builtin__.eval __builtin__.execfile
timeit.timeit timeit.Timer runpy.run_path runpy._run_code code.interact code.InteractiveInterpreter
codeop.compile_command cProfile.run profile.run pdb.run trace.Trace doctest.debug_script
importlib.import_module imp.load_source builtins.__import__ zipimport.zipimporter
pkgutil.resolve_name
pip.main pip._internal.cli.main.main ensurepip.bootstrap venv.create lib2to3.main.main
"""

FILES_AND_SOCKETS = """
builtins.open io.open _io.open _io.FileIO io.FileIO pathlib.Path shutil.rmtree os.remove
tempfile.NamedTemporaryFile socket.socket socket.create_connection urllib.request.urlopen
http.client.HTTPConnection smtplib.SMTP zipfile.ZipFile sqlite3.connect logging.FileHandler
logging.config.listen linecache.getlines fileinput.input
"""

GADGETS = """
builtins.getattr builtins.setattr builtins.type builtins.map builtins.filter builtins.vars
builtins.globals builtins.print builtins.apply builtins.memoryview builtins.super
operator.attrgetter operator.methodcaller operator.itemgetter functools.reduce
functools.partialmethod itertools.starmap types.CodeType types.FunctionType types.MethodType
copyreg.__newobj__ copyreg.add_extension _codecs.decode codecs.decode marshal.loads pickle.loads
_pickle.loads _pickle.Unpickler dill.loads cloudpickle.cloudpickle.subimport weakref.finalize
collections.namedtuple collections.UserDict enum.Enum abc.ABCMeta threading.Thread atexit.register
bdb.Bdb torch.load torch.storage._load_from_bytes pandas.read_pickle pandas.eval __main__.f
"""

INSIDE_NUMPY = """
numpy.load numpy.save numpy.savetxt numpy.genfromtxt numpy.fromfile numpy.fromregex numpy.DataSource
numpy.seterrcall numpy.lib._npyio_impl.load numpy.lib._npyio_impl.NpzFile
numpy.lib._datasource.open numpy.lib._format_impl.read_array numpy.lib.format.open_memmap
numpy.testing._private.utils.runstring numpy.testing.measure numpy.f2py.crackfortran.myeval
numpy.f2py.compile numpy.distutils.exec_command.exec_command numpy.ctypeslib.load_library
numpy.core._ufunc_reconstruct numpy._core._methods._dump numpy._core.records.fromfile
numpy._core._internal._ctypes numpy.ma.mrecords.openfile numpy._pytesttester.PytestTester
numpy.random._examples.cffi.parse.parse_distributions_h numpy.rec.recarray numpy.show_config
"""

INSIDE_SCIPY = """
scipy._lib._bunch._make_tuple_bunch scipy._lib._testutils.PytestTester
scipy._lib._uarray._backend.unpickle_function scipy._lib._ccallback.LowLevelCallable
scipy._lib.array_api_compat._internal.clone_module scipy.LowLevelCallable scipy.io.loadmat
scipy.io._netcdf.netcdf_file scipy.io._fortran.FortranFile scipy.datasets.ascent
scipy.optimize._nonlin._nonlin_wrapper scipy.odr._odrpack.ODR scipy.special._mptestutils.MpmathData
scipy.stats._distn_infrastructure.rv_generic scipy.stats._distn_infrastructure.rv_continuous
"""

INSIDE_SCIKIT_LEARN_AND_JOBLIB = """
sklearn.datasets.load_files sklearn.datasets._openml.fetch_openml sklearn.conftest.pyplot
sklearn.utils._testing.assert_run_python_script_without_output
sklearn.utils.estimator_checks.check_estimators_pickle sklearn.externals._packaging.version.parse
sklearn.utils.parallel._FuncWrapper sklearn.tree._export.export_graphviz sklearn.setup_module
sklearn.utils._set_output.check_library_installed sklearn.__check_build.raise_build_error
joblib.load joblib.dump joblib.Memory joblib.Parallel joblib.numpy_pickle.load
joblib.numpy_pickle_compat.NDArrayWrapper joblib.numpy_pickle_compat.ZNDArrayWrapper
joblib.numpy_pickle.NumpyUnpickler joblib.memory.MemorizedFunc joblib._utils.eval_expr
joblib.externals.cloudpickle.cloudpickle.subimport joblib.externals.loky.backend.spawn.prepare
"""

# As module and name: a walk along attributes, and what somebody merely imported.
DOTTED = [
    ("os", "path.join"),
    ("numpy", "f2py.os.system"),
    ("numpy", "ndarray.tofile"),
    ("sklearn.base", "BaseEstimator.__init__.__globals__"),
    ("sklearn.base", "warnings.sys.modules"),
    ("collections", "OrderedDict.__init__"),
    ("builtins", "object.__subclasses__"),
    ("sklearn.linear_model._logistic", "LogisticRegression.fit"),
    ("datetime", "datetime.now"),
]
BORROWED = [
    ("sklearn.base", "warnings"),
    ("sklearn.base", "functools"),
    ("sklearn.base", "__builtins__"),
    ("sklearn.base", "__loader__"),
    ("sklearn.pipeline", "Bunch"),
    ("sklearn.pipeline", "islice"),
    ("sklearn.metrics._scorer", "partial"),
    ("sklearn.utils.validation", "operator"),
    ("sklearn.feature_extraction.text", "itemgetter"),
    ("sklearn", "joblib"),
    ("numpy", "os"),
    ("numpy", "testing"),
    ("numpy.random._pickle", "__builtins__"),
    ("scipy.sparse._base", "np"),
    ("scipy.special._basic", "__spec__"),
]


def split(path: str) -> tuple[str, str]:
    module, _, name = path.rpartition(".")
    return module, name


NAMES = [
    split(path)
    for kind in (
        PROGRAMS,
        TEXT_THAT_RUNS,
        FILES_AND_SOCKETS,
        GADGETS,
        INSIDE_NUMPY,
        INSIDE_SCIPY,
        INSIDE_SCIKIT_LEARN_AND_JOBLIB,
    )
    for path in kind.split()
]
