# The machine is that of examples/vm.
include examples/vm/example.mk
EXAMPLE_OF := vm
