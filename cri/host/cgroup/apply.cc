// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/apply.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "base/file_io.h"

namespace davit::cri {
namespace {

using OnError = CgroupWrite::OnError;

Error Explain(Error error, const CgroupHierarchy& hierarchy, const CgroupWrite& write) {
  error.subject = hierarchy.name + (hierarchy.name.empty() ? "" : "/") + error.subject;
  switch (error.os_errno) {
    case EINVAL:
    case ERANGE:
      error.code = Code::kInvalidArgument;
      break;
    case EBUSY:
      error.code = Code::kFailedPrecondition;
      break;
    case ENOENT:
      error.code = Code::kFailedPrecondition;
      error.context = "the controller " + write.controller + " is not enabled there";
      break;
    default:
      break;
  }
  return error;
}

Result<> ApplyOne(Hierarchies hierarchies, const std::string& path, const CgroupWrite& write) {
  const CgroupHierarchy* hierarchy = FindController(hierarchies, write.controller);
  if (hierarchy == nullptr) {
    if (write.on_error == OnError::kIgnoreMissing) return {};
    return Fail(Code::kFailedPrecondition, "limit cgroup", path,
                "this host has no cgroup controller " + write.controller);
  }
  Result<> written = WriteFileAt(hierarchy->dir.get(), path + "/" + write.file, write.value);
  if (written) return {};
  if (written.error().os_errno == ENOENT && write.on_error == OnError::kIgnoreMissing) return {};
  return std::unexpected(Explain(std::move(written).error(), *hierarchy, write));
}

// "max", and v1's largest page counter rounded to a page, are -1. Nothing when the text is no number at all.
std::optional<int64_t> ParseLimit(std::string_view text) {
  // PAGE_COUNTER_MAX (linux/page_counter.h) is LONG_MAX in pages, less what the page size cuts off.
  constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max() - (1 << 16);
  if (text.starts_with("max")) return -1;
  int64_t value = 0;
  auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return -1;
  if (error != std::errc()) return std::nullopt;
  return value >= kNoLimit ? -1 : value;
}

// The content of a controller's file, or nothing when either is missing.
Result<std::optional<std::string>> ReadIfThere(Hierarchies hierarchies, const std::string& path,
                                               std::string_view controller, const std::string& file) {
  const CgroupHierarchy* hierarchy = FindController(hierarchies, controller);
  if (hierarchy == nullptr) return std::nullopt;
  Result<std::string> text = ReadFileAt(hierarchy->dir.get(), path + "/" + file);
  if (!text && text.error().os_errno == ENOENT) return std::nullopt;
  return TRY(text);
}

Result<> ReadCpuMax(Hierarchies hierarchies, const std::string& path, CgroupResources& current) {
  std::optional<std::string> text = TRY(ReadIfThere(hierarchies, path, "cpu", "cpu.max"));
  if (!text) return {};
  size_t space = std::min(text->find(' '), text->size());
  current.cpu_quota = ParseLimit(text->substr(0, space));
  std::optional<int64_t> period =
      ParseLimit(std::string_view(*text).substr(std::min(space + 1, text->size())));
  if (period) current.cpu_period = static_cast<uint64_t>(*period);
  return {};
}

}  // namespace

const CgroupHierarchy* FindController(Hierarchies hierarchies, std::string_view controller) {
  auto found =
      std::ranges::find_if(hierarchies, [controller](const CgroupHierarchy& h) { return h.Has(controller); });
  return found == hierarchies.end() ? nullptr : &*found;
}

Result<> ApplyWrites(Hierarchies hierarchies, const std::string& path,
                     const std::vector<CgroupWrite>& writes) {
  std::vector<const CgroupWrite*> refused;
  for (const CgroupWrite& write : writes) {
    Result<> applied = ApplyOne(hierarchies, path, write);
    if (applied) continue;
    bool retry = write.on_error == OnError::kRetryLast && applied.error().os_errno == EINVAL;
    if (!retry) return applied;
    refused.push_back(&write);
  }
  for (const CgroupWrite* write : refused) TRY(ApplyOne(hierarchies, path, *write));
  return {};
}

Result<CgroupResources> ReadCurrent(CgroupMode mode, Hierarchies hierarchies, const std::string& path,
                                    const CgroupResources& wanted) {
  CgroupResources current;
  bool v2 = mode == CgroupMode::kV2;
  bool sum = wanted.memory_swap_limit || wanted.memory_limit == -1;
  if (v2 && wanted.cpu_quota.has_value() != wanted.cpu_period.has_value()) {
    TRY(ReadCpuMax(hierarchies, path, current));
  }
  if (v2 && sum && !wanted.memory_limit) {
    std::optional<std::string> text = TRY(ReadIfThere(hierarchies, path, "memory", "memory.max"));
    if (text) current.memory_limit = ParseLimit(*text);
  }
  if (!v2 && sum) {
    std::optional<std::string> text =
        TRY(ReadIfThere(hierarchies, path, "memory", "memory.memsw.limit_in_bytes"));
    if (text) current.memory_swap_limit = ParseLimit(*text);
  }
  return current;
}

Result<> MakeRoomFor(Hierarchies hierarchies, const std::string& path, int64_t limit) {
  const CgroupHierarchy* memory = FindController(hierarchies, "memory");
  if (memory == nullptr || !memory->v2 || limit < 0) return {};
  auto usage = [&]() -> Result<int64_t> {
    return ParseLimit(TRY(ReadFileAt(memory->dir.get(), path + "/memory.current"))).value_or(0);
  };
  int64_t used = TRY(usage());
  if (used <= limit) return {};
  // EAGAIN: less than that could be reclaimed (cgroup-v2.rst, memory.reclaim). The usage tells.
  (void)WriteFileAt(memory->dir.get(), path + "/memory.reclaim", std::to_string(used - limit));
  used = TRY(usage());
  if (used <= limit) return {};
  return Fail(Code::kFailedPrecondition, "limit cgroup", path + "/memory.max = " + std::to_string(limit),
              "it uses " + std::to_string(used) + " bytes");
}

int64_t ValueOfKey(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') continue;
    int64_t value = 0;
    std::from_chars(line.data() + key.size() + 1, line.data() + line.size(), value);
    return value;
  }
  return 0;
}

}  // namespace davit::cri
