// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/seccomp/json_profile.h"

#include <linux/seccomp.h>
#include <sys/capability.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "cri/host/seccomp/architecture.h"

namespace davit::cri {
namespace {

using Json = nlohmann::json;

constexpr uint32_t kMaxErrno = 4095;  // the kernel's own (include/linux/err.h): it cuts anything larger down
constexpr unsigned kArguments = 6;

std::unexpected<Error> Wrong(std::string_view where, std::string_view reason) {
  return Fail(Code::kInvalidArgument, "read seccomp profile", where, reason);
}

bool IsSameButCase(std::string_view one, std::string_view other) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(one, other, {}, lower, lower);
}

// Members of objects, checked for their type. As Go reads them, which most runtimes are written in: a missing
// member and null are the same, and a name may be written in other cases.
const Json* Member(const Json& object, const char* name) {
  if (const Json* exact = JsonMember(object, name)) return exact;
  if (!object.is_object()) return nullptr;
  for (auto item = object.begin(); item != object.end(); ++item) {
    if (IsSameButCase(item.key(), name) && !item->is_null()) return &*item;
  }
  return nullptr;
}

Result<std::string> StringMember(const Json& object, const char* name) {
  const Json* member = Member(object, name);
  if (member == nullptr) return std::string();
  const std::string* text = JsonText(*member);
  if (text == nullptr) return Wrong(name, "not a string");
  return *text;
}

Result<uint64_t> NumberMember(const Json& object, const char* name, uint64_t otherwise) {
  const Json* member = Member(object, name);
  if (member == nullptr) return otherwise;
  std::optional<uint64_t> number = JsonUnsigned(*member);
  if (!number) return Wrong(name, "not an unsigned integer");
  return *number;
}

Result<std::vector<std::string>> StringsMember(const Json& object, const char* name) {
  std::vector<std::string> strings;
  const Json* member = Member(object, name);
  if (member == nullptr) return strings;
  if (!member->is_array()) return Wrong(name, "not a list");
  for (const Json& item : *member) {
    const std::string* text = JsonText(item);
    if (text == nullptr) return Wrong(name, "holds something else than strings");
    strings.push_back(*text);
  }
  return strings;
}

Result<> IsObject(const Json& value, std::string_view where) {
  return value.is_object() ? Result<>() : Wrong(where, "not an object");
}

Result<> OnlyMembers(const Json& object, std::string_view where,
                     std::initializer_list<std::string_view> known) {
  TRY(IsObject(object, where));
  for (auto item = object.begin(); item != object.end(); ++item) {
    auto is_it = [&item](std::string_view name) { return IsSameButCase(item.key(), name); };
    if (std::ranges::none_of(known, is_it)) return Wrong(where, "unknown member \"" + item.key() + "\"");
  }
  return {};
}

// Members that nobody knows change no verdict and are left alone, but for these: a slip in a name that would
// make the rule count for more calls, or on more hosts, than it says.
Result<> NoMisspeltRestriction(const Json& rule) {
  for (const char* name : {"arg", "include", "exclude"}) {
    if (Member(rule, name) != nullptr)
      return Wrong("syscalls",
                   "unknown member \"" + std::string(name) + "\": did you mean \"" + name + "s\"?");
  }
  return {};
}

std::optional<uint32_t> ErrnoByName(const std::string& name) {
  constexpr int kLast = 133;  // EHWPOISON
  for (int number = 1; number <= kLast; ++number) {
    const char* known = strerrorname_np(number);
    if (known != nullptr && name == known) return static_cast<uint32_t>(number);
  }
  return std::nullopt;
}

// `name_member` is Podman's symbolic form, `number_member` OCI's; EPERM when neither is there.
Result<uint32_t> ReadErrno(const Json& object, const char* name_member, const char* number_member) {
  std::string name = TRY(StringMember(object, name_member));
  uint64_t number = TRY(NumberMember(object, number_member, EPERM));
  if (number > kMaxErrno) return Wrong(number_member, std::to_string(number) + " is larger than 4095");
  if (name.empty()) return static_cast<uint32_t>(number);
  std::optional<uint32_t> named = ErrnoByName(name);
  if (!named) return Wrong(name_member, "\"" + name + "\" is not an errno");
  return *named;
}

Result<uint32_t> Verdict(const std::string& action, uint32_t data, std::string_view where) {
  if (action == "SCMP_ACT_ALLOW") return SECCOMP_RET_ALLOW;
  if (action == "SCMP_ACT_ERRNO") return SECCOMP_RET_ERRNO | data;
  if (action == "SCMP_ACT_KILL" || action == "SCMP_ACT_KILL_THREAD") return SECCOMP_RET_KILL_THREAD;
  if (action == "SCMP_ACT_KILL_PROCESS") return SECCOMP_RET_KILL_PROCESS;
  if (action == "SCMP_ACT_LOG") return SECCOMP_RET_LOG;
  if (action == "SCMP_ACT_TRAP") return SECCOMP_RET_TRAP;
  if (action == "SCMP_ACT_TRACE") return SECCOMP_RET_TRACE | data;
  if (action == "SCMP_ACT_NOTIFY") {
    return Fail(Code::kUnimplemented, "read seccomp profile", where,
                "SCMP_ACT_NOTIFY needs a listener, which is not supported");
  }
  return Wrong(where, "unknown action \"" + action + "\"");
}

Result<SeccompCondition> ReadCondition(const Json& object) {
  TRY(IsObject(object, "args"));
  uint64_t index = TRY(NumberMember(object, "index", 0));
  if (index >= kArguments) return Wrong("args.index", std::to_string(index) + " is larger than 5");
  uint64_t value = TRY(NumberMember(object, "value", 0));
  uint64_t second = TRY(NumberMember(object, "valueTwo", 0));
  std::string op = TRY(StringMember(object, "op"));
  auto argument = static_cast<uint8_t>(index);
  if (op == "SCMP_CMP_MASKED_EQ") {
    return SeccompCondition{argument, SeccompOperator::kMaskedEqual, second & value, value,
                            ArgumentWidth::kFull};
  }
  static constexpr std::pair<std::string_view, SeccompOperator> kOperators[] = {
      {"SCMP_CMP_EQ", SeccompOperator::kEqual},   {"SCMP_CMP_NE", SeccompOperator::kNotEqual},
      {"SCMP_CMP_LT", SeccompOperator::kLess},    {"SCMP_CMP_LE", SeccompOperator::kLessOrEqual},
      {"SCMP_CMP_GT", SeccompOperator::kGreater}, {"SCMP_CMP_GE", SeccompOperator::kGreaterOrEqual},
  };
  for (const auto& [name, value_of] : kOperators) {
    if (op == name) return SeccompCondition{argument, value_of, value, 0, ArgumentWidth::kFull};
  }
  return Wrong("args.op", "unknown operator \"" + op + "\"");
}

// A rule with several conditions on one argument means that any of its conditions suffices: libseccomp takes
// one condition per argument, and every runtime splits such rules for it. Others need all their conditions.
Result<std::vector<std::vector<SeccompCondition>>> ReadConditions(const Json& rule) {
  std::vector<std::vector<SeccompCondition>> alternatives(1);
  const Json* args = Member(rule, "args");
  if (args == nullptr || args->empty()) return alternatives;
  if (!args->is_array()) return Wrong("args", "not a list");
  std::array<int, kArguments> uses{};
  for (const Json& item : *args) {
    alternatives[0].push_back(TRY(ReadCondition(item)));
    ++uses[alternatives[0].back().argument];
  }
  if (std::ranges::max(uses) == 1) return alternatives;
  std::vector<std::vector<SeccompCondition>> split;
  for (const SeccompCondition& condition : alternatives[0]) split.push_back({condition});
  return split;
}

bool Holds(const std::string& name, uint64_t capabilities) {
  std::string lower = name;
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  cap_value_t value = 0;
  if (lower.rfind("cap_", 0) != 0 || cap_from_name(lower.c_str(), &value) != 0) return false;
  return value >= 0 && value < 64 && (capabilities >> value & 1) != 0;
}

Result<bool> KernelIsAtLeast(const std::string& version) {
  unsigned major = 0, minor = 0, running_major = 0, running_minor = 0;
  if (std::sscanf(version.c_str(), "%u.%u", &major, &minor) !=
      2) {  // the rest of "4.8.0" makes no difference
    return Wrong("minKernel", "\"" + version + "\" is not <major>.<minor>");
  }
  utsname host{};
  if (uname(&host) != 0) return SystemError("uname", "host");
  if (std::sscanf(host.release, "%u.%u", &running_major, &running_minor) != 2) return false;
  return std::pair(running_major, running_minor) >= std::pair(major, minor);
}

// Whether a rule counts on this host, with these capabilities.
Result<bool> Counts(const Json& rule, uint64_t capabilities) {
  const std::string native = HostArchitectures().front().profile;
  auto held = [capabilities](const std::string& name) { return Holds(name, capabilities); };
  if (const Json* includes = Member(rule, "includes")) {
    TRY(OnlyMembers(*includes, "includes", {"caps", "arches", "minKernel"}));
    std::vector<std::string> arches = TRY(StringsMember(*includes, "arches"));
    std::string kernel = TRY(StringMember(*includes, "minKernel"));
    if (!arches.empty() && std::ranges::find(arches, native) == arches.end()) return false;
    if (!std::ranges::all_of(TRY(StringsMember(*includes, "caps")), held)) return false;
    if (!kernel.empty() && !TRY(KernelIsAtLeast(kernel))) return false;
  }
  if (const Json* excludes = Member(rule, "excludes")) {
    TRY(OnlyMembers(*excludes, "excludes", {"caps", "arches", "minKernel"}));
    std::vector<std::string> arches = TRY(StringsMember(*excludes, "arches"));
    std::string kernel = TRY(StringMember(*excludes, "minKernel"));
    if (std::ranges::find(arches, native) != arches.end()) return false;
    if (std::ranges::any_of(TRY(StringsMember(*excludes, "caps")), held)) return false;
    if (!kernel.empty() && TRY(KernelIsAtLeast(kernel))) return false;
  }
  return true;
}

Result<> AppendRule(const Json& rule, uint64_t capabilities, SeccompProfile& profile) {
  TRY(IsObject(rule, "syscalls"));
  TRY(NoMisspeltRestriction(rule));
  std::vector<std::string> names = TRY(StringsMember(rule, "names"));
  std::string single = TRY(StringMember(rule, "name"));
  if (!single.empty()) names.push_back(single);
  if (names.empty() || !TRY(Counts(rule, capabilities))) return {};
  uint32_t data = TRY(ReadErrno(rule, "errno", "errnoRet"));
  std::string action = TRY(StringMember(rule, "action"));
  uint32_t verdict = TRY(Verdict(action, data, "syscalls.action of " + names[0]));
  if (verdict == profile.default_verdict) return {};
  auto alternatives = TRY(ReadConditions(rule));
  for (const std::string& name : names) {
    for (const auto& all_of : alternatives) profile.rules.push_back({name, verdict, all_of});
  }
  return {};
}

// Whether the profile speaks for the 32-bit architecture of this host, too.
Result<bool> WantsCompat(const Json& root) {
  auto architectures = HostArchitectures();
  if (architectures.size() < 2) return false;
  std::vector<std::string> listed = TRY(StringsMember(root, "architectures"));
  if (const Json* map = Member(root, "archMap")) {
    if (!map->is_array()) return Wrong("archMap", "not a list");
    for (const Json& entry : *map) {
      TRY(IsObject(entry, "archMap"));
      std::vector<std::string> with = TRY(StringsMember(entry, "subArchitectures"));
      if (TRY(StringMember(entry, "architecture")) != architectures[0].oci) continue;
      listed.insert(listed.end(), with.begin(), with.end());
    }
  }
  return std::ranges::find(listed, architectures[1].oci) != listed.end();
}

}  // namespace

Result<SeccompProfile> ParseSeccompProfile(const std::string& json, uint64_t capabilities) {
  if (json.size() > kMaxSeccompProfileBytes) return Wrong("file", "larger than 1 MiB");
  Json root = JsonOrNull(json);
  if (!root.is_object()) return Wrong("file", "not a JSON object");
  std::string action = TRY(StringMember(root, "defaultAction"));
  uint32_t data = TRY(ReadErrno(root, "defaultErrno", "defaultErrnoRet"));
  SeccompProfile profile;
  profile.default_verdict = TRY(Verdict(action, data, "defaultAction"));
  profile.compat_architecture = TRY(WantsCompat(root));
  const Json* rules = Member(root, "syscalls");
  if (rules == nullptr) return profile;
  if (!rules->is_array()) return Wrong("syscalls", "not a list");
  for (const Json& rule : *rules) TRY(AppendRule(rule, capabilities, profile));
  return profile;
}

}  // namespace davit::cri
