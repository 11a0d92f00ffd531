// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test fixture with the cgroups of this machine. cgroup_host_test.cc instantiates the suite.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_io.h"
#include "cri/host/cgroup/apply.h"
#include "cri/host/cgroup/cgroup_host.h"
#include "cri/host/cgroup/testing/test_tree.h"

namespace davit::cri {

inline constexpr char kMountPoint[] = "/sys/fs/cgroup";

// Runs a test on the cgroups of the real kernel as each of three kinds of host, which is the parameter. Skips
// if this machine cannot show that kind.
// - "host": all hierarchies of this machine
// - "v1": only its v1 hierarchies, through links
// - "v2": only its v2 hierarchy; a cgroup of it serves as the root
class CgroupHostTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    Result<CgroupHost> real = CgroupHost::Probe(kMountPoint);
    if (!real) GTEST_SKIP() << "no cgroups on this machine: " << real.error().ToString();
    if (geteuid() != 0) GTEST_SKIP() << "needs root to make cgroups";
    std::string mount_point = kMountPoint;
    if (GetParam() == "v1") mount_point = LinkV1(*real);
    if (GetParam() == "v2") mount_point = MakeV2Root(*real);
    if (mount_point.empty()) GTEST_SKIP() << "this machine has no cgroup " << GetParam();
    Result<CgroupHost> host = CgroupHost::Probe(mount_point);
    ASSERT_TRUE(host) << host.error().ToString();
    host_.emplace(std::move(*host));
    top_ = "/davit-test-" + std::to_string(getpid()) + "-" + GetParam();
    path_ = top_ + "/pod/container";
  }

  void TearDown() override {
    if (host_) {
      EXPECT_TRUE(host_->Remove(top_));
      EXPECT_FALSE(*host_->Populated(top_));
    }
    if (!v2_root_.empty()) {
      EXPECT_EQ(rmdir(v2_root_.c_str()), 0) << v2_root_;
    }
  }

  // The mount point "v1": a directory with links to the v1 hierarchies; "" without any.
  std::string LinkV1(const CgroupHost& real) {
    if (real.mode() == CgroupMode::kV2) return "";
    for (const CgroupHierarchy& hierarchy : real.hierarchies()) {
      if (hierarchy.v2) continue;
      std::filesystem::create_directory_symlink(std::string(kMountPoint) + "/" + hierarchy.name,
                                                tree_.path() + "/" + hierarchy.name);
    }
    return tree_.path();
  }

  // The mount point "v2": a new cgroup of the v2 hierarchy; "" without one.
  std::string MakeV2Root(const CgroupHost& real) {
    for (const CgroupHierarchy& hierarchy : real.hierarchies()) {
      if (!hierarchy.v2) continue;
      v2_root_ =
          std::string(kMountPoint) + "/" + hierarchy.name + "/davit-test-root-" + std::to_string(getpid());
      EXPECT_EQ(mkdir(v2_root_.c_str(), 0755), 0);
    }
    return v2_root_;
  }

  // Creates the cgroup path_.
  Result<> Create(const CgroupResources& resources = {}, const std::vector<DeviceRule>& devices = {}) {
    return host_->Create(path_, resources, devices);
  }
  bool Exists(const CgroupHierarchy& hierarchy, const std::string& path) const {
    return faccessat(hierarchy.dir.get(), path.c_str() + 1, F_OK, 0) == 0;
  }
  // The number of hierarchies in which the cgroup exists.
  int CountWhere(const std::string& path) const {
    return static_cast<int>(
        std::ranges::count_if(host_->hierarchies(), [&](const auto& h) { return Exists(h, path); }));
  }
  int HierarchyCount() const { return static_cast<int>(host_->hierarchies().size()); }
  // The content of a file of path_ in the hierarchy of `controller`.
  std::string ReadIn(std::string_view controller, const std::string& file) const {
    const CgroupHierarchy* hierarchy = FindController(host_->hierarchies(), controller);
    return ReadFileAt(hierarchy->dir.get(), path_.substr(1) + "/" + file).value_or("(missing)");
  }
  // Moves the process into path_ in every hierarchy.
  void Join(pid_t pid) {
    Result<ShimCgroupFds> fds = host_->OpenForShim(path_);
    ASSERT_TRUE(fds) << fds.error().ToString();
    std::string text = std::to_string(pid);
    for (const UniqueFd& procs : fds->procs) {
      ASSERT_EQ(write(procs.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()))
          << strerror(errno);
    }
  }

  TestTree tree_;
  std::string v2_root_;
  std::optional<CgroupHost> host_;
  std::string top_;   // "/davit-test-..."; TearDown removes it with everything below
  std::string path_;  // the cgroup under test, below top_
};

}  // namespace davit::cri
