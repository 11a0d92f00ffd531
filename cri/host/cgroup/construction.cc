// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/construction.h"

#include <sys/stat.h>
#include <unistd.h>

#include <ranges>
#include <string_view>

#include "base/file_io.h"

namespace davit::cri {
namespace {

constexpr mode_t kMode = 0755;

std::string Parent(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string In(const std::string& path, const std::string& file) {
  return path.empty() ? file : path + "/" + file;
}

bool IsBlank(const std::string& text) {
  return text.find_first_not_of(" \n") == std::string::npos;
}

Result<> FillCpuset(int root, const std::string& path) {
  std::string cpus = TRY(ReadFileAt(root, In(path, "cpuset.cpus")));
  // Both are set, or neither: the kernel copies both where clone_children is set, and we do so below.
  if (!IsBlank(cpus) || path.empty()) return {};
  std::string parent = Parent(path);
  TRY(FillCpuset(root, parent));
  for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
    TRY(WriteFileAt(root, In(path, file), TRY(ReadFileAt(root, In(parent, file)))));
  }
  return {};
}

// The controllers of `wanted` that the space-separated list `present` lacks.
std::vector<std::string> Lacking(const std::vector<std::string>& wanted, const std::string& present) {
  std::string list = ' ' + present;
  for (char& c : list) c = c == '\n' ? ' ' : c;
  list += ' ';
  std::vector<std::string> lacking;
  for (const std::string& controller : wanted) {
    if (!list.contains(' ' + controller + ' ')) lacking.push_back(controller);
  }
  return lacking;
}

Result<> EnableIn(int root, const std::string& path, const std::vector<std::string>& wanted) {
  const std::string file = In(path, "cgroup.subtree_control");
  std::vector<std::string> lacking = Lacking(wanted, TRY(ReadFileAt(root, file)));
  std::string all;
  for (const std::string& controller : lacking) all += (all.empty() ? "+" : " +") + controller;
  // One write enables all of them or none.
  if (all.empty() || WriteFileAt(root, file, all)) return {};
  for (const std::string& controller : lacking) (void)WriteFileAt(root, file, "+" + controller);
  return {};
}

}  // namespace

CgroupConstruction::~CgroupConstruction() {
  // A parent that somebody has used since stays: rmdir refuses it.
  for (const auto& [hierarchy, path] : made_ | std::views::reverse) {
    unlinkat(hierarchy->dir.get(), path.c_str(), AT_REMOVEDIR);
  }
}

Result<> CgroupConstruction::Make() {
  for (const CgroupHierarchy& hierarchy : hierarchies_) TRY(MakeIn(hierarchy));
  return {};
}

Result<> CgroupConstruction::MakeOne(const CgroupHierarchy& hierarchy, const std::string& path) {
  if (mkdirat(hierarchy.dir.get(), path.c_str(), kMode) != 0)
    return SystemError("mkdir", hierarchy.name + "/" + path);
  made_.emplace_back(&hierarchy, path);
  return {};
}

Result<> CgroupConstruction::MakeMissing() {
  for (const CgroupHierarchy& hierarchy : hierarchies_) {
    Result<> made = MakeWithParents(hierarchy);
    if (!made && made.error().os_errno != EEXIST) return made;
  }
  return {};
}

Result<> CgroupConstruction::MakeWithParents(const CgroupHierarchy& hierarchy) {
  Result<> made = MakeOne(hierarchy, path_);
  if (made || made.error().os_errno != ENOENT) return made;
  TRY(MakeParents(hierarchy));
  return MakeOne(hierarchy, path_);
}

Result<> CgroupConstruction::MakeIn(const CgroupHierarchy& hierarchy) {
  Result<> made = MakeWithParents(hierarchy);
  if (made || made.error().os_errno != EEXIST) return made;
  if (unlinkat(hierarchy.dir.get(), path_.c_str(), AT_REMOVEDIR) != 0) {
    return Fail(Code::kAlreadyExists, "make cgroup", hierarchy.name + "/" + path_,
                "it has processes or children");
  }
  return MakeOne(hierarchy, path_);
}

Result<> CgroupConstruction::MakeParents(const CgroupHierarchy& hierarchy) {
  for (size_t slash = path_.find('/'); slash != std::string::npos; slash = path_.find('/', slash + 1)) {
    std::string parent = path_.substr(0, slash);
    Result<> made = MakeOne(hierarchy, parent);
    if (!made && made.error().os_errno == EEXIST) continue;
    TRY(made);
    if (!hierarchy.v2 && hierarchy.Has("cpuset")) {
      TRY(FillCpuset(hierarchy.dir.get(), parent));
      // From here on the kernel fills new children, and theirs (cgroup-v1/cgroups.rst, "clone_children").
      TRY(WriteFileAt(hierarchy.dir.get(), parent + "/cgroup.clone_children", "1"));
    }
  }
  return {};
}

Result<> CgroupConstruction::InheritCpuset() const {
  const CgroupHierarchy* hierarchy = FindController(hierarchies_, "cpuset");
  if (hierarchy == nullptr || hierarchy->v2) return {};
  return FillCpuset(hierarchy->dir.get(), path_);
}

Result<> CgroupConstruction::EnableControllers() const {
  for (const CgroupHierarchy& hierarchy : hierarchies_) {
    if (!hierarchy.v2 || hierarchy.controllers.empty()) continue;
    int root = hierarchy.dir.get();
    std::string present = TRY(ReadFileAt(root, path_ + "/cgroup.controllers"));
    if (Lacking(hierarchy.controllers, present).empty()) continue;
    TRY(EnableIn(root, "", hierarchy.controllers));
    for (size_t slash = path_.find('/'); slash != std::string::npos; slash = path_.find('/', slash + 1)) {
      TRY(EnableIn(root, path_.substr(0, slash), hierarchy.controllers));
    }
  }
  return {};
}

}  // namespace davit::cri
