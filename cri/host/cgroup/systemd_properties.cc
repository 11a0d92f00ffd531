// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/systemd_properties.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace davit::cri {
namespace {

constexpr uint64_t kNoLimit = UINT64_MAX;
constexpr uint64_t kDefaultPeriodUs = 100'000;  // of cpu.max (cgroup-v2.rst)
constexpr uint64_t kPercentUs = 10'000;         // of a second
constexpr uint64_t kSecondUs = 1'000'000;
constexpr uint64_t kMostQuotaUs = uint64_t{1}
                                  << 43;  // below the kernel's limit; a product with a second fits
constexpr int kKnowsCpuIdle = 252;
constexpr int kKnowsOomPolicyOfScopes = 253;
constexpr int kKnowsZswapMax = 253;
constexpr int kKnowsZswapWriteback = 256;
constexpr uint64_t kDefaultWeight = 100;  // of cpu.weight and io.weight (cgroup-v2.rst)

std::unexpected<Error> BadValue(const CgroupWrite& write) {
  return Fail(Code::kInvalidArgument, "limit of a unit", write.file + " = " + write.value,
              "the file takes no such value");
}

// The words between spaces and newlines.
std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  constexpr std::string_view kSpace = " \t\n";
  for (size_t start = text.find_first_not_of(kSpace); start != std::string_view::npos;) {
    size_t end = std::min(text.find_first_of(kSpace, start), text.size());
    words.push_back(text.substr(start, end - start));
    start = text.find_first_not_of(kSpace, end);
  }
  return words;
}

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A number, to which the kernel allows a suffix (memparse() in lib/cmdline.c), or "max".
std::optional<uint64_t> ParseLimit(std::string_view text) {
  if (text == "max") return kNoLimit;
  constexpr std::string_view kSuffixes = "KMGTPE";
  size_t power = 0;
  if (!text.empty()) {
    char last = text.back();
    size_t at = kSuffixes.find(last >= 'a' && last <= 'z' ? static_cast<char>(last - 'a' + 'A') : last);
    if (at != std::string_view::npos) {
      power = at + 1;
      text.remove_suffix(1);
    }
  }
  std::optional<uint64_t> number = ParseNumber(text);
  if (!number || (power > 0 && *number >> (64 - 10 * power) != 0)) return std::nullopt;
  return *number << (10 * power);
}

// Sets one property, in the place of an earlier one of that name.
void Set(UnitProperties& properties, const char* name, UnitProperty::Value value) {
  std::erase_if(properties, [name](const UnitProperty& property) { return property.name == name; });
  properties.push_back({name, std::move(value)});
}

bool Has(const UnitProperties& properties, std::string_view name) {
  return std::ranges::find(properties, name, &UnitProperty::name) != properties.end();
}

Result<uint64_t> OneLimit(const CgroupWrite& write) {
  std::vector<std::string_view> words = Words(write.value);
  std::optional<uint64_t> limit = words.size() == 1 ? ParseLimit(words.front()) : std::nullopt;
  if (!limit) return BadValue(write);
  return *limit;
}

struct CpuMax {
  uint64_t quota = kNoLimit;
  uint64_t period = kDefaultPeriodUs;
  bool period_given = false;
};

std::optional<CpuMax> ParseCpuMax(std::string_view value) {
  std::vector<std::string_view> words = Words(value);
  if (words.empty() || words.size() > 2) return std::nullopt;
  CpuMax max;
  if (words[0] != "max") {
    std::optional<uint64_t> quota = ParseNumber(words[0]);
    if (!quota || *quota > kMostQuotaUs) return std::nullopt;
    max.quota = *quota;
  }
  if (words.size() == 2) {
    std::optional<uint64_t> period = ParseNumber(words[1]);
    if (!period || *period == 0 || *period > kSecondUs) return std::nullopt;
    max.period = *period;
    max.period_given = true;
  }
  return max;
}

// In µs per second, as a whole percentage.
uint64_t RoundedPerSecond(const CpuMax& max) {
  uint64_t per_second = max.quota * kSecondUs / max.period;
  return (per_second + kPercentUs - 1) / kPercentUs * kPercentUs;
}

Result<> AddCpuMax(const CgroupWrite& write, UnitProperties& properties) {
  std::optional<CpuMax> max = ParseCpuMax(write.value);
  if (!max) return BadValue(write);
  Set(properties, "CPUQuotaPeriodUSec", max->period);
  Set(properties, "CPUQuotaPerSecUSec", max->quota == kNoLimit ? kNoLimit : RoundedPerSecond(*max));
  return {};
}

// "0-3,7" as a mask, the lowest number in the lowest bit of the first byte.
std::optional<std::vector<uint8_t>> ParseSet(std::string_view text) {
  constexpr uint64_t kMost = 8192;  // the kernel's limit of CPUs on x86 (CONFIG_NR_CPUS)
  std::vector<uint8_t> mask;
  for (size_t start = 0; start < text.size();) {
    size_t end = std::min(text.find(',', start), text.size());
    std::string_view range = text.substr(start, end - start);
    start = end + 1;
    if (range.empty()) continue;
    size_t dash = range.find('-');
    std::optional<uint64_t> first = ParseNumber(range.substr(0, dash));
    std::optional<uint64_t> last =
        dash == std::string_view::npos ? first : ParseNumber(range.substr(dash + 1));
    if (!first || !last || *first > *last || *last >= kMost) return std::nullopt;
    if (mask.size() <= *last / 8) mask.resize(*last / 8 + 1);
    for (uint64_t bit = *first; bit <= *last; ++bit) mask[bit / 8] |= static_cast<uint8_t>(1U << (bit % 8));
  }
  return mask;
}

Result<> AddSet(const CgroupWrite& write, const char* name, UnitProperties& properties) {
  std::vector<std::string_view> words = Words(write.value);
  if (words.size() > 1) return BadValue(write);
  std::optional<std::vector<uint8_t>> mask = ParseSet(words.empty() ? "" : words.front());
  if (!mask) return BadValue(write);
  Set(properties, name, std::move(*mask));
  return {};
}

// systemd takes a weight of 0 for cpu.idle = 1. With cpu.idle = 0, the kernel gives a cgroup that was idle
// the default weight.
Result<> AddCpuIdle(const CgroupWrite& write, int systemd_version, UnitProperties& properties) {
  const UnitProperty idle{"CPUWeight", uint64_t{0}};
  uint64_t value = TRY(OneLimit(write));
  if (systemd_version < kKnowsCpuIdle) return {};
  if (value != 0) {
    Set(properties, "CPUWeight", idle.value);
  } else if (!Has(properties, "CPUWeight") || std::ranges::find(properties, idle) != properties.end()) {
    Set(properties, "CPUWeight", kDefaultWeight);
  }
  return {};
}

// "100" or "default 100". The weight of one device, "8:0 200", has no property: systemd names devices by
// files.
Result<> AddIoWeight(const CgroupWrite& write, UnitProperties& properties) {
  std::vector<std::string_view> words = Words(write.value);
  if (words.size() == 2 && words[0] == "default") words.erase(words.begin());
  if (words.size() == 2 && words[0].contains(':')) return {};
  std::optional<uint64_t> weight = words.size() == 1 ? ParseNumber(words[0]) : std::nullopt;
  if (!weight) return BadValue(write);
  Set(properties, "IOWeight", *weight);
  return {};
}

const char* NameOfByteLimit(const std::string& file) {
  struct Row {
    std::string_view file;
    const char* property;
  };
  static constexpr Row kRows[] = {
      {"memory.max", "MemoryMax"}, {"memory.high", "MemoryHigh"},        {"memory.low", "MemoryLow"},
      {"memory.min", "MemoryMin"}, {"memory.swap.max", "MemorySwapMax"},
  };
  for (const Row& row : kRows) {
    if (row.file == file) return row.property;
  }
  return nullptr;
}

Result<> AddLimit(const CgroupWrite& write, int systemd_version, UnitProperties& properties) {
  if (const char* name = NameOfByteLimit(write.file)) {
    Set(properties, name, TRY(OneLimit(write)));
  } else if (write.file == "cpu.weight") {
    Set(properties, "CPUWeight", TRY(OneLimit(write)));
  } else if (write.file == "cpu.idle") {
    TRY(AddCpuIdle(write, systemd_version, properties));
  } else if (write.file == "io.weight") {
    TRY(AddIoWeight(write, properties));
  } else if (write.file == "memory.zswap.max") {
    if (systemd_version >= kKnowsZswapMax) Set(properties, "MemoryZSwapMax", TRY(OneLimit(write)));
  } else if (write.file == "memory.zswap.writeback") {
    bool writes_back = TRY(OneLimit(write)) != 0;
    if (systemd_version >= kKnowsZswapWriteback) Set(properties, "MemoryZSwapWriteback", writes_back);
  } else if (write.file == "cpu.max") {
    TRY(AddCpuMax(write, properties));
  } else if (write.file == "cpuset.cpus") {
    TRY(AddSet(write, "AllowedCPUs", properties));
  } else if (write.file == "cpuset.mems") {
    TRY(AddSet(write, "AllowedMemoryNodes", properties));
  } else if (write.file == "pids.max") {
    Set(properties, "TasksMax", std::max<uint64_t>(TRY(OneLimit(write)), 1));  // systemd takes no 0
  }
  return {};
}

// Without accounting, systemd would not enable the controllers.
void AddAccounting(UnitProperties& properties) {
  for (const char* name : {"MemoryAccounting", "CPUAccounting", "IOAccounting", "TasksAccounting"})
    properties.push_back({name, true});
}

// As DeviceAllow= names devices; nothing for one that it cannot name.
std::optional<std::string> DeviceName(const DeviceRule& rule) {
  std::string kind = rule.type == 'b' ? "block" : "char";
  if (rule.major == -1) return rule.minor == -1 ? std::optional(kind + "-*") : std::nullopt;
  if (rule.minor == -1) return kind + "-" + std::to_string(rule.major);
  return "/dev/" + kind + "/" + std::to_string(rule.major) + ":" + std::to_string(rule.minor);
}

}  // namespace

UnitProperties ScopeProperties(const std::string& description, const std::string& slice, pid_t pid) {
  UnitProperties properties = {{"Description", description},
                               {"Slice", slice},
                               {"Delegate", true},
                               {"PIDs", std::vector<uint32_t>{static_cast<uint32_t>(pid)}}};
  AddAccounting(properties);
  // Else the scope would be stopped at the beginning of a shutdown, before the kubelet has ended its pods.
  properties.push_back({"DefaultDependencies", false});
  properties.push_back({"CollectMode", "inactive-or-failed"});
  return properties;
}

UnitProperties SliceProperties(const std::string& description, const std::string& parent) {
  UnitProperties properties = {{"Description", description}, {"Wants", std::vector<std::string>{parent}}};
  AddAccounting(properties);
  properties.push_back({"DefaultDependencies", false});
  properties.push_back({"CollectMode", "inactive-or-failed"});
  return properties;
}

void LimitTasks(UnitProperties& limits) {
  if (!Has(limits, "TasksMax")) limits.push_back({"TasksMax", kNoLimit});
}

Result<UnitProperties> LimitProperties(const std::vector<CgroupWrite>& writes, int systemd_version) {
  UnitProperties properties;
  for (const CgroupWrite& write : writes) TRY(AddLimit(write, systemd_version, properties));
  return properties;
}

Result<UnitProperties> ChangedLimits(const std::vector<CgroupWrite>& before,
                                     const std::vector<CgroupWrite>& writes, int systemd_version) {
  auto is_not_idle = [](const CgroupWrite& write) {
    return write.file == "cpu.idle" && Words(write.value) == std::vector<std::string_view>{"0"};
  };
  std::vector<CgroupWrite> changed = writes;
  if (std::ranges::any_of(before, is_not_idle)) std::erase_if(changed, is_not_idle);
  return LimitProperties(changed, systemd_version);
}

UnitProperties OomProperties(const std::vector<CgroupWrite>& writes, int systemd_version) {
  UnitProperties properties;
  if (systemd_version < kKnowsOomPolicyOfScopes) return properties;
  for (const CgroupWrite& write : writes) {
    if (write.file != "memory.oom.group") continue;
    std::vector<std::string_view> words = Words(write.value);
    bool group = words.size() == 1 && words.front() == "1";
    Set(properties, "OOMPolicy", std::string(group ? "kill" : "continue"));
  }
  return properties;
}

UnitProperties DeviceProperties(const DeviceFilter& filter) {
  if (filter.allow_all) return {{"DevicePolicy", "auto"}};
  UnitProperty::StringPairs allowed;
  for (const DeviceRule& rule : filter.allowed) {
    std::optional<std::string> name = DeviceName(rule);
    if (!name) return {};
    allowed.emplace_back(*name, rule.access);
  }
  return {{"DevicePolicy", "strict"}, {"DeviceAllow", std::move(allowed)}};
}

std::vector<CgroupWrite> RoundCpuQuota(std::vector<CgroupWrite> writes) {
  for (CgroupWrite& write : writes) {
    if (write.file != "cpu.max") continue;
    std::optional<CpuMax> max = ParseCpuMax(write.value);
    if (!max || max->quota == kNoLimit) continue;
    uint64_t quota = RoundedPerSecond(*max) * max->period / kSecondUs;
    if (quota == max->quota) continue;
    write.value = std::to_string(quota);
    if (max->period_given) write.value += ' ' + std::to_string(max->period);
  }
  return writes;
}

}  // namespace davit::cri
