/**
 * @file
 * @brief PrimeCell general purpose I/O (PL061), as Arm DDI 0190B specifies it: eight lines.
 *
 * On the `virt` machine a power key is on line 3: set the input, hold it for 100 ms as a finger
 * would (drivers debounce), and clear it.
 *
 * Threads: everything but init, reset, save, restore and destroy may be called from any thread.
 * @defgroup vml_pl061 PL061 GPIO
 * @{
 */
#ifndef VML_PL061_H
#define VML_PL061_H

#include <vml/amba.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Called when what the guest drives has changed; no lock held, by one thread at a time. It may set
 * inputs. A vCPU whose write comes during a call does not wait for it: the call is followed by another.
 * @param directions ones for lines that are outputs
 * @param levels of the outputs; zero for inputs */
typedef void (*vml_pl061_output_fn)(void *context, uint8_t directions, uint8_t levels);

/** @brief How a GPIO controller is made. Copied. */
struct vml_pl061_config {
    const char *name;           /**< for traces; NULL: "pl061" */
    struct vml_irq irq;         /**< GPIOINTR, the combined interrupt; level */
    vml_pl061_output_fn output; /**< may be NULL */
    void *context;              /**< given to it */
    uint8_t inputs;             /**< levels on the input pins at first */
};

/** @brief The architectural state. */
struct vml_pl061_state {
    uint8_t GPIODATA;  /**< what is driven on outputs */
    uint8_t GPIODIR;   /**< ones are outputs */
    uint8_t GPIOIS;    /**< ones are level-sensitive */
    uint8_t GPIOIBE;   /**< ones: both edges */
    uint8_t GPIOIEV;   /**< ones: rising edge or high level */
    uint8_t GPIOIE;    /**< interrupt mask */
    uint8_t GPIOAFSEL; /**< hardware control */
    uint8_t edges;     /**< edges seen and not cleared */
    uint8_t inputs;    /**< levels on the input pins */
};

/** @brief A GPIO controller. The embedder supplies the storage; members are private. */
struct vml_pl061 {
    struct vml_device device;       /**< register this on a bus, 0x1000 bytes */
    struct vml_pl061_config config; /**< as given */
    struct vml_mutex lock;          /**< of everything below */
    struct vml_irq_driver out;      /**< GPIOINTR */
    struct vml_pl061_state state;   /**< what the guest sees */
    uint16_t told;                  /**< directions and levels as `output` knows them */
    bool telling;                   /**< somebody is calling it */
};

/** @brief The registers. */
extern const struct vml_reg_table vml_pl061_regs;

/** @brief Makes a GPIO controller in its reset state: all lines are inputs. @return VML_OK */
VML_MUST_CHECK enum vml_status vml_pl061_init(struct vml_pl061 *gpio,
                                              const struct vml_pl061_config *config);
/** @brief Ends its use: it is on no bus. */
void vml_pl061_destroy(struct vml_pl061 *gpio);
/** @brief Sets the level on an input pin. @param line 0 to 7; others are ignored */
void vml_pl061_set_input(struct vml_pl061 *gpio, uint32_t line, bool level);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
