// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/init/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace davit::shim {
namespace {

constexpr int kMaxCapabilities = 64;

constexpr uint64_t Bit(int capability) {
  return uint64_t{1} << capability;
}

}  // namespace

CapabilitySets ReachableCapabilities(const CapabilitySets& wanted, uint64_t permitted_now) {
  CapabilitySets sets;
  sets.bounding = wanted.bounding;
  sets.permitted = wanted.permitted & permitted_now;
  sets.effective = wanted.effective & sets.permitted;
  sets.inheritable = wanted.ambient == 0 ? 0 : wanted.inheritable & sets.permitted;
  sets.ambient = wanted.ambient & sets.permitted & sets.inheritable;
  return sets;
}

Result<uint64_t> ReadPermittedCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) < 0) return SystemError("capget", "self");
  return data[0].permitted | uint64_t{data[1].permitted} << 32;
}

Result<> LimitBoundingSet(uint64_t keep) {
  for (int capability = 0; capability < kMaxCapabilities; ++capability) {
    if ((keep & Bit(capability)) != 0 || prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break;  // beyond the last one that this kernel knows
    return SystemError("prctl(PR_CAPBSET_DROP)", std::to_string(capability));
  }
  return {};
}

Result<> SetCapabilities(const CapabilitySets& sets) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  for (int word = 0; word < 2; ++word) {
    data[word].effective = static_cast<uint32_t>(sets.effective >> (32 * word));
    data[word].permitted = static_cast<uint32_t>(sets.permitted >> (32 * word));
    data[word].inheritable = static_cast<uint32_t>(sets.inheritable >> (32 * word));
  }
  if (syscall(SYS_capset, &header, data) < 0) return SystemError("capset", "self");
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
    return SystemError("prctl(PR_CAP_AMBIENT)", "clear");
  for (int capability = 0; capability < kMaxCapabilities; ++capability) {
    if ((sets.ambient & Bit(capability)) == 0) continue;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) {
      return SystemError("prctl(PR_CAP_AMBIENT_RAISE)", std::to_string(capability));
    }
  }
  return {};
}

}  // namespace davit::shim
