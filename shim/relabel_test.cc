// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Relabelling, on files of this machine: without SELinux a context is an attribute like any other.

#include "shim/init/relabel.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <filesystem>
#include <fstream>

#include "base/selinux_attribute.h"
#include "base/unique_fd.h"
#include "shim/testing/scratch.h"

namespace davit::shim {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr char kContext[] = "system_u:object_r:container_file_t:s0:c1,c2";
constexpr char kOther[] = "system_u:object_r:etc_t:s0";
constexpr char kWithin[] = "/pods/u";

void Set(const std::string& path, const std::string& context) {
  ASSERT_EQ(lsetxattr(path.c_str(), kSeLinuxAttribute, context.c_str(), context.size() + 1, 0), 0) << path;
}

std::string ContextOf(const std::string& path) {
  char value[256] = "";
  ssize_t size = lgetxattr(path.c_str(), kSeLinuxAttribute, value, sizeof value);
  return size > 0 ? std::string(value) : "";
}

// A volume of a pod, and a file of the host's beside it.
class RelabelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Make("pods/u/volume/directory/file");
    Make("etc/passwd");
    Set(Volume("directory/file"), kOther);
    if (HasFailure()) GTEST_SKIP() << "this filesystem keeps no contexts";
    Set(host_ / "etc", kOther);
    Set(host_ / "etc/passwd", kOther);
  }

  void Make(const std::string& file) {
    fs::create_directories(fs::path(host_ / file).parent_path());
    std::ofstream(host_ / file) << "text";
  }
  std::string Volume(const std::string& name = "") const { return host_ / ("pods/u/volume/" + name); }

  Result<> RelabelPath(const std::string& path) const {
    UniqueFd source(open(path.c_str(), O_PATH | O_CLOEXEC));
    UniqueFd procfs(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
    return Relabel(source.get(), kContext, kWithin, procfs.get());
  }

  ScratchDir host_;
};

TEST_F(RelabelTest, ReachesEverythingInTheVolume) {
  for (int i = 0; i < 100; ++i) Make("pods/u/volume/a/b/c/" + std::to_string(i));
  ASSERT_EQ(mkfifo(Volume("fifo").c_str(), 0600), 0);
  auto relabelled = RelabelPath(Volume());
  ASSERT_TRUE(relabelled) << relabelled.error().ToString();
  EXPECT_EQ(ContextOf(Volume()), kContext);
  for (const auto& entry : fs::recursive_directory_iterator(Volume()))
    EXPECT_EQ(ContextOf(entry.path()), kContext) << entry.path();
  EXPECT_NE(ContextOf(host_ / "pods/u"), kContext) << "is not the volume";
}

TEST_F(RelabelTest, ReachesAVolumeThatIsAFile) {
  auto relabelled = RelabelPath(Volume("directory/file"));
  ASSERT_TRUE(relabelled) << relabelled.error().ToString();
  EXPECT_EQ(ContextOf(Volume("directory/file")), kContext);
  EXPECT_NE(ContextOf(Volume("directory")), kContext);
}

// Rule 14: what a container left in its volume leads nowhere.
TEST_F(RelabelTest, Rule14FollowsNoSymlink) {
  fs::create_symlink(host_ / "etc/passwd", Volume("file"));
  fs::create_directory_symlink(host_ / "etc", Volume("etc"));
  fs::create_directory_symlink("../../../etc", Volume("relative"));
  auto relabelled = RelabelPath(Volume());
  ASSERT_TRUE(relabelled) << relabelled.error().ToString();
  EXPECT_EQ(ContextOf(host_ / "etc"), kOther);
  EXPECT_EQ(ContextOf(host_ / "etc/passwd"), kOther);
  EXPECT_EQ(ContextOf(Volume("file")), kContext) << "the link itself";
}

// Rule 14: a path of the pod's that leads elsewhere.
TEST_F(RelabelTest, Rule14RefusesASourceThatIsNotThePods) {
  fs::create_directory_symlink(host_ / "etc", host_ / "pods/u/link");
  Make("pods/u2/volume/file");
  Make("mypods/u/volume/file");
  for (const std::string& path : {host_ / "pods/u/link", host_ / "etc", host_ / "pods/u",
                                  host_ / "pods/u2/volume", host_ / "mypods/u/volume", std::string("/")}) {
    auto relabelled = RelabelPath(path);
    ASSERT_FALSE(relabelled) << path;
    EXPECT_EQ(relabelled.error().code, Code::kPermissionDenied);
    EXPECT_EQ(relabelled.error().subject, fs::canonical(path));
  }
  EXPECT_EQ(ContextOf(host_ / "etc"), kOther);
}

TEST_F(RelabelTest, StaysOnTheMount) {
  fs::create_directory(Volume("inner"));
  ASSERT_EQ(mount(fs::path(host_ / "etc").c_str(), Volume("inner").c_str(), nullptr, MS_BIND, nullptr), 0);
  auto relabelled = RelabelPath(Volume());
  umount2(Volume("inner").c_str(), MNT_DETACH);
  ASSERT_TRUE(relabelled) << relabelled.error().ToString();
  EXPECT_EQ(ContextOf(host_ / "etc"), kOther);
  EXPECT_EQ(ContextOf(host_ / "etc/passwd"), kOther);
}

TEST_F(RelabelTest, WritesNothingThatIsThereAlready) {
  ASSERT_TRUE(RelabelPath(Volume()));
  struct stat before{};
  ASSERT_EQ(stat(Volume("directory/file").c_str(), &before), 0);
  ASSERT_TRUE(RelabelPath(Volume()));
  struct stat after{};
  ASSERT_EQ(stat(Volume("directory/file").c_str(), &after), 0);
  EXPECT_EQ(after.st_ctim.tv_sec, before.st_ctim.tv_sec);
  EXPECT_EQ(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
}

TEST_F(RelabelTest, LeavesFilesystemsAsTheyAreThatCannotBeLabelled) {
  ASSERT_EQ(mount(Volume().c_str(), Volume().c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(mount(nullptr, Volume().c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
  auto read_only = RelabelPath(Volume());
  umount2(Volume().c_str(), MNT_DETACH);
  EXPECT_TRUE(read_only) << read_only.error().ToString();
  ASSERT_EQ(mount("proc", Volume().c_str(), "proc", 0, nullptr), 0);
  auto without_attributes = RelabelPath(Volume());
  umount2(Volume().c_str(), MNT_DETACH);
  EXPECT_TRUE(without_attributes) << without_attributes.error().ToString();
}

TEST_F(RelabelTest, ReachesTheBottomOfADeepTree) {
  constexpr int kDeep = 300;
  std::string deep = Volume();
  for (int i = 0; i < kDeep; ++i) deep += "d/";
  fs::create_directories(deep);
  auto relabelled = RelabelPath(Volume());
  ASSERT_TRUE(relabelled) << relabelled.error().ToString();
  EXPECT_EQ(ContextOf(deep), kContext);
}

}  // namespace
}  // namespace davit::shim
