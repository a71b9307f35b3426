NEEDS := vbus device simple_as irq_controller state
