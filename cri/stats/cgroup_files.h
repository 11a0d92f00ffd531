// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The accounting files of one cgroup.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cri/host/cgroup/apply.h"

namespace davit {

// Statistics never fail: what this host does not count, or what is gone already, has no value.
class CgroupFiles {
 public:
  // `path` as in cgroup_host.h. The hierarchies outlive this.
  CgroupFiles(Hierarchies hierarchies, const std::string& path);

  // Whether the cgroup is there at all.
  bool Exist() const;

  // Whether the controller's files are those of version 2.
  bool V2(std::string_view controller) const;

  std::optional<std::string> Read(std::string_view controller, const std::string& file) const;
  // Of the v2 hierarchy, with or without controllers: pressure is counted in either case.
  std::optional<std::string> ReadUnified(const std::string& file) const;

  // The one number in a file. None for "max".
  std::optional<uint64_t> Number(std::string_view controller, const std::string& file) const;

 private:
  std::optional<std::string> ReadIn(const CgroupHierarchy* hierarchy, const std::string& file) const;

  Hierarchies hierarchies_;
  std::string path_;  // relative to each root
};

// "123\n"; none for any other text. v1's "no limit", the largest number of pages, is none as well.
std::optional<uint64_t> ParseNumber(std::string_view text);

// The number behind a key, as ValueOfKey; none when the key is not there.
std::optional<uint64_t> FindValue(std::string_view text, std::string_view key);

}  // namespace davit
