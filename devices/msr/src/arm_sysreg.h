/* Between the table and the device of the Arm system registers. */
#ifndef VML_ARM_SYSREG_PRIVATE_H
#define VML_ARM_SYSREG_PRIVATE_H

#include <vml/arm_sysreg.h>

#define REG(op0, op1, crn, crm, op2) (uint32_t) VML_SYSREG(op0, op1, crn, crm, op2)

#define MPIDR_EL1                    REG(3, 0, 0, 0, 5)
#define CCSIDR_EL1                   REG(3, 1, 0, 0, 0)
#define CSSELR_EL1                   REG(3, 2, 0, 0, 0)
#define SCTLR_EL1                    REG(3, 0, 1, 0, 0)

#define DC_ISW                       REG(1, 0, 7, 6, 2)
#define DC_CSW                       REG(1, 0, 7, 10, 2)
#define DC_CISW                      REG(1, 0, 7, 14, 2)

#define OSLAR_EL1                    REG(2, 0, 1, 0, 4)
#define OSLSR_EL1                    REG(2, 0, 1, 1, 4)
#define DBGCLAIMSET_EL1              REG(2, 0, 7, 8, 6)
#define DBGCLAIMCLR_EL1              REG(2, 0, 7, 9, 6)

#define PMINTENSET_EL1               REG(3, 0, 9, 14, 1)
#define PMINTENCLR_EL1               REG(3, 0, 9, 14, 2)
#define PMCR_EL0                     REG(3, 3, 9, 12, 0)
#define PMCNTENSET_EL0               REG(3, 3, 9, 12, 1)
#define PMCNTENCLR_EL0               REG(3, 3, 9, 12, 2)
#define PMOVSCLR_EL0                 REG(3, 3, 9, 12, 3)
#define PMCCNTR_EL0                  REG(3, 3, 9, 13, 0)
#define PMOVSSET_EL0                 REG(3, 3, 9, 14, 3)

#endif
