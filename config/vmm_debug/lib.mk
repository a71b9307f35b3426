SRCS :=
NEEDS := base arch_api platform_api
