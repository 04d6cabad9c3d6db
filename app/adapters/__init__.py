"""One file per outside thing; each fulfils one port."""
