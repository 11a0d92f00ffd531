// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/stats/memory.h"

namespace davit::cri {
namespace {

std::optional<uint64_t> Rest(std::optional<uint64_t> limit, uint64_t used) {
  if (!limit) return std::nullopt;
  return *limit - std::min(*limit, used);
}

MemoryUse ReadV1(const CgroupFiles& files, uint64_t usage) {
  std::string stat = files.Read("memory", "memory.stat").value_or("");
  auto value = [&stat](std::string_view key) { return FindValue(stat, key).value_or(0); };
  MemoryUse use;
  use.usage = usage;
  use.active_file = value("total_active_file");
  use.inactive_file = value("total_inactive_file");
  use.rss = value("total_rss");
  use.cache = value("total_cache");
  use.mapped_file = value("total_mapped_file");
  use.page_faults = value("total_pgfault");
  use.major_page_faults = value("total_pgmajfault");
  use.limit = FindValue(stat, "hierarchical_memory_limit");
  use.swap = FindValue(stat, "total_swap");
  // The limit of memory and swap together, of which swap may have what memory leaves.
  std::optional<uint64_t> both = FindValue(stat, "hierarchical_memsw_limit");
  if (both && use.limit) use.swap_limit = Rest(both, *use.limit);
  return use;
}

MemoryUse ReadV2(const CgroupFiles& files, uint64_t usage) {
  std::string stat = files.Read("memory", "memory.stat").value_or("");
  auto value = [&stat](std::string_view key) { return FindValue(stat, key).value_or(0); };
  MemoryUse use;
  use.usage = usage;
  use.active_file = value("active_file");
  use.inactive_file = value("inactive_file");
  use.rss = value("anon");
  use.cache = value("file");
  use.mapped_file = value("file_mapped");
  use.page_faults = value("pgfault");
  use.major_page_faults = value("pgmajfault");
  use.limit = files.Number("memory", "memory.max");
  use.swap = files.Number("memory", "memory.swap.current");
  use.swap_limit = files.Number("memory", "memory.swap.max");
  return use;
}

}  // namespace

std::optional<uint64_t> MemoryUse::available() const {
  return Rest(limit, working_set());
}

std::optional<uint64_t> MemoryUse::swap_available() const {
  return Rest(swap_limit, swap.value_or(0));
}

std::optional<MemoryUse> ReadMemory(const CgroupFiles& files) {
  bool v2 = files.V2("memory");
  std::optional<uint64_t> usage = files.Number("memory", v2 ? "memory.current" : "memory.usage_in_bytes");
  if (!usage) return std::nullopt;
  return v2 ? ReadV2(files, *usage) : ReadV1(files, *usage);
}

}  // namespace davit::cri
