#ifndef VML_PSCI_PRIVATE_H
#define VML_PSCI_PRIVATE_H

#include <vml/psci.h>

/* A call. The arguments are in x[1] to x[3]; what it returns goes to X0 unless the action says that
 * it does not return. */
typedef int64_t (*psci_fn)(struct vml_psci *psci, struct vml_smccc_call *call);

/* Among the options of the table: there is a trusted OS that runs on one CPU. */
#define PSCI_TOS (UINT32_C(1) << 31)

/* One row of the table of calls. */
struct psci_row {
    uint32_t fid;     /* 32-bit identifier */
    bool has_64;      /* there is a 64-bit variant, too */
    uint32_t version; /* that brought it */
    uint32_t option;  /* any of these; 0: mandatory */
    psci_fn call;
};

/* The row of a call that there is in this version and configuration, or NULL. */
const struct psci_row *psci_find(const struct vml_psci *psci, uint32_t fid);

/* psci_power.c: one vCPU */
int64_t psci_cpu_suspend(struct vml_psci *psci, struct vml_smccc_call *call);
int64_t psci_cpu_default_suspend(struct vml_psci *psci, struct vml_smccc_call *call);
int64_t psci_cpu_off(struct vml_psci *psci, struct vml_smccc_call *call);
int64_t psci_cpu_on(struct vml_psci *psci, struct vml_smccc_call *call);
int64_t psci_migrate(struct vml_psci *psci, struct vml_smccc_call *call);
int64_t psci_migrate_info_up_cpu(struct vml_psci *psci, struct vml_smccc_call *call);
int64_t psci_affinity_info(struct vml_psci *psci, struct vml_smccc_call *call);
int64_t psci_node_hw_state(struct vml_psci *psci, struct vml_smccc_call *call);
int64_t psci_stat_residency(struct vml_psci *psci, struct vml_smccc_call *call);
int64_t psci_stat_count(struct vml_psci *psci, struct vml_smccc_call *call);

/* psci_system.c: the machine */
int64_t psci_system_off(struct vml_psci *psci, struct vml_smccc_call *call);
int64_t psci_system_off2(struct vml_psci *psci, struct vml_smccc_call *call);
int64_t psci_system_reset(struct vml_psci *psci, struct vml_smccc_call *call);
int64_t psci_system_reset2(struct vml_psci *psci, struct vml_smccc_call *call);
int64_t psci_system_suspend(struct vml_psci *psci, struct vml_smccc_call *call);
int64_t psci_set_suspend_mode(struct vml_psci *psci, struct vml_smccc_call *call);
int64_t psci_mem_protect(struct vml_psci *psci, struct vml_smccc_call *call);
int64_t psci_mem_protect_check_range(struct vml_psci *psci, struct vml_smccc_call *call);

/* What VML_SMCCC_RESTART begins with, or an error code for a bad entry point. */
int64_t psci_restart_at(struct vml_psci *psci, struct vml_smccc_call *call, uint64_t entry,
                        uint64_t context);
/* SUCCESS, or the error code of this version for a bad entry point. */
int64_t psci_check_entry(const struct vml_psci *psci, uint64_t entry);
/* True when every vCPU but one is OFF. */
bool psci_others_off(const struct vml_psci *psci, const struct vml_cpu *self);

#endif
