// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/stats/cgroup_files.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/file_io.h"

namespace davit::cri {

CgroupFiles::CgroupFiles(Hierarchies hierarchies, const std::string& path)
    : hierarchies_(hierarchies), path_(path.substr(std::min<size_t>(1, path.size()))) {}

bool CgroupFiles::Exist() const {
  return std::ranges::any_of(hierarchies_, [this](const CgroupHierarchy& hierarchy) {
    return faccessat(hierarchy.dir.get(), path_.c_str(), F_OK, 0) == 0;
  });
}

bool CgroupFiles::V2(std::string_view controller) const {
  const CgroupHierarchy* hierarchy = FindController(hierarchies_, controller);
  return hierarchy != nullptr && hierarchy->v2;
}

std::optional<std::string> CgroupFiles::Read(std::string_view controller, const std::string& file) const {
  return ReadIn(FindController(hierarchies_, controller), file);
}

std::optional<std::string> CgroupFiles::ReadUnified(const std::string& file) const {
  auto unified = std::ranges::find_if(hierarchies_, &CgroupHierarchy::v2);
  return ReadIn(unified == hierarchies_.end() ? nullptr : &*unified, file);
}

std::optional<std::string> CgroupFiles::ReadIn(const CgroupHierarchy* hierarchy,
                                               const std::string& file) const {
  if (hierarchy == nullptr || path_.empty()) return std::nullopt;
  Result<std::string> text = ReadFileAt(hierarchy->dir.get(), path_ + "/" + file);
  if (!text) return std::nullopt;
  return std::move(*text);
}

std::optional<uint64_t> CgroupFiles::Number(std::string_view controller, const std::string& file) const {
  std::optional<std::string> text = Read(controller, file);
  return text ? ParseNumber(*text) : std::nullopt;
}

std::optional<uint64_t> ParseNumber(std::string_view text) {
  // PAGE_COUNTER_MAX (linux/page_counter.h) is LONG_MAX in pages, less what the page size cuts off.
  constexpr uint64_t kNoLimit = std::numeric_limits<int64_t>::max() - (1 << 16);
  uint64_t value = 0;
  auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = rest == text.data() + text.size() || *rest == '\n';
  if (error != std::errc() || !whole || value >= kNoLimit) return std::nullopt;
  return value;
}

std::optional<uint64_t> FindValue(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ')
      return ParseNumber(line.substr(key.size() + 1));
  }
  return std::nullopt;
}

}  // namespace davit::cri
