// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/host_facts.h"

#include <linux/capability.h>

#include <charconv>
#include <string_view>

#include "base/file_io.h"

namespace davit::cri {
namespace {

// The value of a "Name:\t<hexadecimal>" line.
Result<uint64_t> HexadecimalField(std::string_view status, std::string_view name) {
  std::string line_start = "\n" + std::string(name) + ":\t";
  size_t at = status.find(line_start);
  if (at == std::string_view::npos) return Fail(Code::kInternal, "parse", "/proc/self/status", name);
  std::string_view digits = status.substr(at + line_start.size());
  uint64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc()) return Fail(Code::kInternal, "parse", "/proc/self/status", name);
  return value;
}

}  // namespace

Result<HostFacts> ParseHostFacts(const std::string& status, const std::string& oom_score_adj) {
  HostFacts facts;
  uint64_t bounding = TRY(HexadecimalField(status, "CapBnd"));
  uint64_t permitted = TRY(HexadecimalField(status, "CapPrm"));
  facts.capabilities = bounding & permitted;
  facts.can_lower_oom_score = (facts.capabilities >> CAP_SYS_RESOURCE & 1) != 0;
  facts.can_raise_limits = facts.can_lower_oom_score;
  const char* end = oom_score_adj.data() + oom_score_adj.size();
  if (std::from_chars(oom_score_adj.data(), end, facts.own_oom_score_adj).ec != std::errc()) {
    return Fail(Code::kInternal, "parse", "/proc/self/oom_score_adj", oom_score_adj);
  }
  return facts;
}

Result<HostFacts> CollectHostFacts() {
  std::string status = TRY(ReadFile("/proc/self/status"));
  std::string oom_score_adj = TRY(ReadFile("/proc/self/oom_score_adj"));
  HostFacts facts = TRY(ParseHostFacts(status, oom_score_adj));
  facts.apparmor = AppArmor().Support();
  facts.selinux = TRY(SeLinux().Describe());
  Result<std::string> user_namespaces = ReadFile("/proc/sys/user/max_user_namespaces");
  facts.has_user_namespaces = user_namespaces && !user_namespaces->starts_with("0\n");
  return facts;
}

}  // namespace davit::cri
