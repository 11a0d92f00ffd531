// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Directories, images and cgroups for tests, removed at the end of the test.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::shim {

class ScratchDir {
 public:
  ScratchDir();
  ~ScratchDir();
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// A root filesystem with busybox, its usual directories, and the users root, app (1000) and nobody.
class TestImage {
 public:
  // Why the host cannot provide it, or "".
  static std::string WhyNot();

  TestImage();

  const std::string& path() const { return dir_.path(); }
  void Write(const std::string& name, const std::string& content, mode_t mode = 0644);
  // A detached mount of it, as the snapshotter makes one.
  Result<UniqueFd> Mount() const;

 private:
  ScratchDir dir_;
};

// A cgroup of the test in every hierarchy of the host. At the end its processes are killed and it is removed.
class TestCgroup {
 public:
  TestCgroup();
  ~TestCgroup();
  TestCgroup(const TestCgroup&) = delete;
  TestCgroup& operator=(const TestCgroup&) = delete;

  // As CgroupFds: v2's cgroup.procs first, `tasks` of the others.
  std::vector<UniqueFd> OpenProcs() const;
  // The v2 directory; empty without a v2 hierarchy.
  UniqueFd OpenUnified() const;
  // Its path; empty without a v2 hierarchy.
  std::string UnifiedPath() const { return has_v2_ ? directories_.front() : ""; }
  // Opens `file` in the hierarchy that has it; empty if none has.
  UniqueFd Open(const std::string& file, int flags) const;
  bool Write(const std::string& file, const std::string& value) const;
  // The processes of the cgroup in the first hierarchy whose directory's name begins with `name`.
  std::vector<pid_t> Processes(const std::string& name = {}) const;
  // "/davit-test-..."
  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::vector<std::string> directories_;  // v2's first
  bool has_v2_ = false;
};

}  // namespace davit::shim
