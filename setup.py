"""The one part of Gatehouse that is compiled; everything else is said in ``pyproject.toml``."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "app.adapters.engines._forest",
            ["app/adapters/engines/_forest.c"],
            depends=["app/adapters/engines/_forest_walk.h"],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            extra_compile_args=["-std=c99", "-O3"],
            py_limited_api=True,
            # Without a compiler or Python's headers the gateway serves forests by other engines.
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
