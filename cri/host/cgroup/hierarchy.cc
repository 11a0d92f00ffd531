// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/hierarchy.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/file_io.h"
#include "base/tree_walk.h"

namespace davit::cri {
namespace {

constexpr std::array<std::string_view, 14> kV1Controllers = {
    "cpu",  "cpuacct", "cpuset",  "memory",   "devices",    "freezer", "blkio",
    "pids", "hugetlb", "net_cls", "net_prio", "perf_event", "rdma",    "misc"};

std::vector<std::string> Split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  while (true) {
    size_t start = text.find_first_not_of(separators);
    if (start == std::string_view::npos) return parts;
    text.remove_prefix(start);
    size_t end = std::min(text.find_first_of(separators), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

bool Exists(int dir, const char* name) {
  return faccessat(dir, name, F_OK, 0) == 0;
}

struct CloseDir {
  void operator()(DIR* dir) const { closedir(dir); }
};

// The names of the directories in `dir`, with the links to directories when `links`.
Result<std::vector<std::string>> Subdirectories(int dir, const std::string& path, bool links) {
  UniqueFd fd = TRY(OpenAt(dir, path, O_RDONLY | O_DIRECTORY));
  std::unique_ptr<DIR, CloseDir> stream(fdopendir(fd.get()));
  if (!stream) return SystemError("fdopendir", path);
  (void)fd.Release();
  std::vector<std::string> names;
  errno = 0;
  while (dirent* entry = readdir(stream.get())) {
    std::string_view name = entry->d_name;
    bool wanted = entry->d_type == DT_DIR || (links && entry->d_type == DT_LNK);
    if (wanted && name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return SystemError("readdir", path);
  return names;
}

Result<CgroupHierarchy> DescribeV2(std::string name, UniqueFd dir) {
  std::string controllers = TRY(ReadFileAt(dir.get(), "cgroup.controllers"));
  return CgroupHierarchy{std::move(name), true, Split(controllers, " \n"), std::move(dir)};
}

CgroupHierarchy DescribeV1(std::string name, UniqueFd dir) {
  std::vector<std::string> parts = Split(name, ",");
  std::erase_if(parts, [](const std::string& part) {
    return std::ranges::find(kV1Controllers, part) == kV1Controllers.end();
  });
  return CgroupHierarchy{std::move(name), false, std::move(parts), std::move(dir)};
}

// Nothing when the directory is no hierarchy.
Result<std::optional<CgroupHierarchy>> Describe(const std::string& name, UniqueFd dir) {
  if (Exists(dir.get(), "cgroup.controllers")) return TRY(DescribeV2(name, std::move(dir)));
  if (Exists(dir.get(), "cgroup.procs")) return DescribeV1(name, std::move(dir));
  return std::nullopt;
}

// Visits the cgroups of a tree. What disappears meanwhile is left out; the first other error is kept.
class CgroupVisitor : public TreeVisitor {
 public:
  void Failed(const Error& error) override { Keep(std::unexpected(error)); }
  void Leave(int, const std::string&) override {}

  const Result<>& outcome() const { return outcome_; }

 protected:
  void Keep(const Result<>& result) {
    if (!result && outcome_ && !IsNoCgroup(result.error())) outcome_ = result;
  }

 private:
  Result<> outcome_;
};

class PidCollector : public CgroupVisitor {
 public:
  WalkStep Visit(int dir_fd, const std::string& name, unsigned char type) override {
    if (name == "cgroup.procs") Keep(Read(dir_fd, name));
    return type == DT_DIR ? WalkStep::kDescend : WalkStep::kNext;
  }

  std::vector<int> Take() && { return std::move(pids_); }

 private:
  Result<> Read(int cgroup, const std::string& name) {
    Result<std::string> procs = ReadFileAt(cgroup, name);
    // A threaded cgroup of v2 cannot tell; the processes are in the list of the domain above it.
    if (!procs && procs.error().os_errno == EOPNOTSUPP) return {};
    for (const std::string& line : Split(TRY(procs), "\n")) {
      int pid = 0;
      std::from_chars(line.data(), line.data() + line.size(), pid);
      if (pid > 0) pids_.push_back(pid);
    }
    return {};
  }

  std::vector<int> pids_;
};

Result<> RemoveOne(int parent, const std::string& name) {
  if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) return {};
  Error error = SystemError("rmdir", name).error();
  return IsNoCgroup(error) ? Result<>() : std::unexpected(std::move(error));
}

class Remover : public CgroupVisitor {
 public:
  WalkStep Visit(int, const std::string&, unsigned char type) override {
    return type == DT_DIR ? WalkStep::kDescend : WalkStep::kNext;
  }
  void Leave(int parent_fd, const std::string& name) override { Keep(RemoveOne(parent_fd, name)); }
};

// By descriptors and without recursion (tree_walk.h).
Result<> Walk(const CgroupHierarchy& hierarchy, const std::string& path, CgroupVisitor& visitor) {
  Result<UniqueFd> top = OpenAt(hierarchy.dir.get(), path, O_RDONLY | O_DIRECTORY);
  if (!top && IsNoCgroup(top.error())) return {};
  WalkTree(TRY(std::move(top)), visitor);
  if (!visitor.outcome())
    return std::unexpected(Within("walk cgroup " + hierarchy.name + "/" + path, visitor.outcome().error()));
  return {};
}

}  // namespace

bool CgroupHierarchy::Has(std::string_view controller) const {
  return std::ranges::find(controllers, controller) != controllers.end();
}

Result<std::vector<CgroupHierarchy>> FindHierarchies(const std::string& mount_point) {
  std::vector<CgroupHierarchy> found;
  UniqueFd top = TRY(OpenAt(AT_FDCWD, mount_point, O_RDONLY | O_DIRECTORY));
  if (Exists(top.get(), "cgroup.controllers")) {
    found.push_back(TRY(DescribeV2("", std::move(top))));
    return found;
  }
  std::vector<std::string> names = TRY(Subdirectories(top.get(), ".", /*links=*/true));
  // Longest names first: the mount's name lists all its controllers, each symbolic link names one.
  std::ranges::sort(names, [](const std::string& a, const std::string& b) {
    return std::pair(b.size(), a) < std::pair(a.size(), b);
  });
  std::set<std::pair<dev_t, ino_t>> seen;
  for (const std::string& name : names) {
    UniqueFd dir = TRY(OpenAt(top.get(), name, O_RDONLY | O_DIRECTORY));
    struct stat st{};
    if (fstat(dir.get(), &st) != 0) return SystemError("fstat", mount_point + "/" + name);
    std::optional<CgroupHierarchy> hierarchy = TRY(Describe(name, std::move(dir)));
    if (hierarchy && seen.emplace(st.st_dev, st.st_ino).second) found.push_back(std::move(*hierarchy));
  }
  if (found.empty())
    return Fail(Code::kUnimplemented, "find cgroups", mount_point, "no cgroup hierarchy is mounted");
  return found;
}

bool IsNoCgroup(const Error& error) {
  // ENOTDIR: a file of a cgroup stands where the path wants a cgroup.
  return error.os_errno == ENOENT || error.os_errno == ENODEV || error.os_errno == ENOTDIR;
}

Result<std::vector<std::string>> ChildCgroups(const CgroupHierarchy& hierarchy, const std::string& path) {
  Result<std::vector<std::string>> names =
      Subdirectories(hierarchy.dir.get(), path.empty() ? "." : path, /*links=*/false);
  if (!names && IsNoCgroup(names.error())) return std::vector<std::string>();
  return names;
}

Result<std::vector<int>> PidsBelow(const CgroupHierarchy& hierarchy, const std::string& path) {
  PidCollector pids;
  TRY(Walk(hierarchy, path, pids));
  return std::move(pids).Take();
}

Result<> RemoveTree(const CgroupHierarchy& hierarchy, const std::string& path) {
  Remover remover;
  TRY(Walk(hierarchy, path, remover));
  TRY(RemoveOne(hierarchy.dir.get(), path));
  return {};
}

}  // namespace davit::cri
