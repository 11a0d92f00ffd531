// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Any bytes as a Localhost profile. Every profile that compiles must load, and must answer every x32 call
// with ENOSYS.
#include <linux/audit.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "cri/host/seccomp/architecture.h"
#include "cri/host/seccomp/filter_program.h"
#include "cri/host/seccomp/json_profile.h"
#include "cri/host/seccomp/testing/filter_simulator.h"

namespace davit::cri {
namespace {

constexpr uint32_t kX32Bit = 0x40000000;
constexpr uint32_t kNumbers[] = {0, 1, 41, 59, 102, 117, 359, 450, 1000, 0xf0002, 0xffffffff};

// The simulator ends the program for what the kernel would refuse.
void Run(const std::vector<sock_filter>& program) {
  for (uint32_t number : kNumbers) {
    for (const SeccompArchitecture& architecture : HostArchitectures()) {
      for (uint64_t first : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}})
        (void)RunFilter(program,
                        Call(architecture.audit, number, {first, first, first, first, first, first}));
    }
#if defined(__x86_64__)
    bool x32 = (number & kX32Bit) == 0;
    if (x32 && RunFilter(program, Call(AUDIT_ARCH_X86_64, number | kX32Bit)) != (SECCOMP_RET_ERRNO | ENOSYS))
      std::abort();
#endif
  }
}

void Read(const std::string& text) {
  for (uint64_t capabilities : {uint64_t{0}, ~uint64_t{0}}) {
    Result<SeccompProfile> profile = ParseSeccompProfile(text, capabilities);
    if (!profile) continue;
    if (Result<FilterProgram> program = CompileProfile(*profile)) Run(program->instructions);
  }
}

}  // namespace
}  // namespace davit::cri

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  davit::cri::Read({reinterpret_cast<const char*>(data), size});
  return 0;
}
