"""The Open Inference Protocol (V2) over HTTP, as KServe, Triton and MLServer speak it."""
