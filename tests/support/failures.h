/* Real failures of the system, for a while. */
#ifndef FAILURES_H
#define FAILURES_H

/* No descriptor can be opened beyond the next `more`. @return to be given back to descriptors_back() */
unsigned long descriptors_end(unsigned more);
void descriptors_back(unsigned long limit);

/* No thread can be started: the stack that one would get is larger than the address space. */
void threads_end(void);
void threads_back(void);

/* Permissions apply, also where root runs the tests. */
void privileges_end(void);
void privileges_back(void);

#endif
