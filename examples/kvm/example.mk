NEEDS := linux_kvm kvm firmware lifecycle vcpu_roundup gic timer clock simple_as vbus
