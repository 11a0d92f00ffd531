// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/capabilities.h"

#include <linux/capability.h>
#include <sys/capability.h>

#include <algorithm>

#include "cri/spec/field.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;

constexpr uint64_t kAll = ~uint64_t{0};

std::string LowerCase(const std::string& text) {
  std::string lower = text;
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  return lower;
}

// What a list of names asks for.
struct Named {
  bool all = false;
  uint64_t single = 0;

  uint64_t mask() const { return all ? kAll : single; }
};

Result<Named> ReadNames(const std::string& field,
                        const google::protobuf::RepeatedPtrField<std::string>& names) {
  Named named;
  for (const std::string& name : names) {
    if (LowerCase(name) == "all") {
      named.all = true;
      continue;
    }
    std::optional<int> number = CapabilityByName(name);
    if (!number) return BadField("linux.security_context.capabilities." + field, name, "is not a capability");
    named.single |= uint64_t{1} << *number;
  }
  return named;
}

}  // namespace

uint64_t DefaultCapabilities() {
  uint64_t mask = 0;
  for (int number :
       {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FSETID, CAP_FOWNER, CAP_MKNOD, CAP_NET_RAW, CAP_SETGID, CAP_SETUID,
        CAP_SETFCAP, CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_KILL, CAP_AUDIT_WRITE}) {
    mask |= uint64_t{1} << number;
  }
  return mask;
}

std::optional<int> CapabilityByName(const std::string& name) {
  std::string lower = LowerCase(name);
  if (!lower.starts_with("cap_")) lower.insert(0, "cap_");
  // libcap stops reading at the first character that no name has, and takes what stood before it.
  if (lower.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") != std::string::npos) return std::nullopt;
  cap_value_t number = 0;
  if (cap_from_name(lower.c_str(), &number) != 0 || number < 0 || number > CAP_LAST_CAP) return std::nullopt;
  return number;
}

std::vector<std::string> CapabilityNames(uint64_t mask) {
  std::vector<std::string> names;
  for (int number = 0; number <= CAP_LAST_CAP; ++number) {
    if ((mask >> number & 1) == 0) continue;
    char* name = cap_to_name(number);
    if (name == nullptr) continue;
    std::string upper = name;
    cap_free(name);
    std::ranges::transform(upper, upper.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; });
    names.push_back(upper);
  }
  return names;
}

Result<shim::CapabilitySets> ContainerCapabilities(const v1::LinuxContainerSecurityContext& context,
                                                   uint64_t host) {
  const v1::Capability& wanted = context.capabilities();
  Named add = TRY(ReadNames("add_capabilities", wanted.add_capabilities()));
  Named drop = TRY(ReadNames("drop_capabilities", wanted.drop_capabilities()));
  Named ambient = TRY(ReadNames("add_ambient_capabilities", wanted.add_ambient_capabilities()));

  uint64_t mask = DefaultCapabilities();
  if (add.all) mask = kAll;
  if (drop.all) mask = 0;
  mask = ((mask | add.single) & ~drop.single) | ambient.mask();
  if (context.privileged()) mask = kAll;
  if (uint64_t both = ambient.single & drop.single; both != 0 && !context.privileged()) {
    return BadField("linux.security_context.capabilities.add_ambient_capabilities", CapabilityNames(both)[0],
                    "is dropped, too");
  }

  shim::CapabilitySets sets;
  sets.bounding = sets.permitted = sets.effective = mask & host;
  sets.ambient = sets.inheritable = ambient.mask() & host;
  return sets;
}

}  // namespace davit::cri
