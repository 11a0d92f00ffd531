// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The accounting files of one cgroup.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cri/host/cgroup/apply.h"

namespace davit::cri {

// Statistics never fail: figures that this host does not count, or whose cgroup no longer exists, are
// nullopt.
class CgroupFiles {
 public:
  // `path` as in cgroup_host.h. The hierarchies must outlive this object.
  CgroupFiles(Hierarchies hierarchies, const std::string& path);

  // Whether the cgroup exists in any hierarchy.
  bool Exist() const;

  // Whether the controller's files are those of version 2.
  bool V2(std::string_view controller) const;

  std::optional<std::string> Read(std::string_view controller, const std::string& file) const;
  // Reads a file of the v2 hierarchy, even one without controllers: pressure is always counted there.
  std::optional<std::string> ReadUnified(const std::string& file) const;

  // The single number in a file. nullopt for "max".
  std::optional<uint64_t> Number(std::string_view controller, const std::string& file) const;

 private:
  std::optional<std::string> ReadIn(const CgroupHierarchy* hierarchy, const std::string& file) const;

  Hierarchies hierarchies_;
  std::string path_;  // relative to each root
};

// Parses "123\n"; nullopt for any other text. nullopt also for "no limit" of v1, which is the largest number
// of pages.
std::optional<uint64_t> ParseNumber(std::string_view text);

// The number in the line that begins with this key; nullopt if there is no such line.
std::optional<uint64_t> FindValue(std::string_view text, std::string_view key);

}  // namespace davit::cri
