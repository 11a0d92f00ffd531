// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/selinux/selinux.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/file_io.h"

namespace davit::cri {
namespace {

// A host in a directory.
class SeLinuxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "davit-selinux-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& content) {
    std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << content;
  }
  void Enable() {
    Write("/sys/fs/selinux/enforce", "1");
    Write("/sys/fs/selinux/context", "");
    Write("/proc/self/attr/current", std::string("system_u:system_r:init_t:s0\0", 28));
    Write("/etc/selinux/config", "# a comment\nSELINUX=enforcing\nSELINUXTYPE=targeted\n");
  }
  SeLinuxHost Describe() const { return SeLinux(root_).Describe().value(); }

  static constexpr char kContexts[] = "/etc/selinux/targeted/contexts/lxc_contexts";
  std::string root_;
};

TEST_F(SeLinuxTest, IsThereWhenAPolicyIsLoadedAndCanBeAsked) {
  EXPECT_FALSE(Describe().enabled);
  Enable();
  EXPECT_TRUE(Describe().enabled);
  Write("/proc/self/attr/current", std::string("kernel\0", 7));
  EXPECT_FALSE(Describe().enabled) << "no policy was loaded";
  Enable();
  std::filesystem::remove(root_ + "/sys/fs/selinux/context");
  EXPECT_FALSE(Describe().enabled) << "selinuxfs is not mounted";
}

TEST_F(SeLinuxTest, TellsWhetherItIsEnforced) {
  Enable();
  EXPECT_TRUE(Describe().enforcing);
  Write("/sys/fs/selinux/enforce", "0");
  EXPECT_FALSE(Describe().enforcing);
}

TEST_F(SeLinuxTest, FindsWhatThePolicyGivesContainers) {
  Enable();
  Write(kContexts,
        "process = \"system_u:system_r:container_t:s0\"\n"
        "content = \"system_u:object_r:virt_var_lib_t:s0\"\n"
        "file=system_u:object_r:container_file_t:s0\n"
        "ro_file = \"system_u:object_r:container_ro_file_t:s0\"\n"
        "sandbox_lxc_process = \"system_u:system_r:other_t:s0\"\n");
  EXPECT_EQ(Describe().process.ToString(), "system_u:system_r:container_t:s0");
  EXPECT_EQ(Describe().file.ToString(), "system_u:object_r:container_file_t:s0");
  EXPECT_EQ(Describe().shared_file.ToString(), "system_u:object_r:container_ro_file_t:s0");
}

TEST_F(SeLinuxTest, ThePolicyIsTheOneThatIsConfigured) {
  Enable();
  Write("/etc/selinux/mls/contexts/lxc_contexts", "process = \"a:b:c:s1\"\nfile = \"a:b:d:s1\"\n");
  EXPECT_TRUE(Describe().process.empty());
  Write("/etc/selinux/config", "SELINUXTYPE=mls\n");
  EXPECT_EQ(Describe().process.ToString(), "a:b:c:s1");
}

TEST_F(SeLinuxTest, APolicyMaySayNothingOfContainers) {
  Enable();
  EXPECT_TRUE(Describe().enabled);
  EXPECT_TRUE(Describe().process.empty());
  Write(kContexts, "process = \"system_u:system_r:container_t:s0\"\n");
  EXPECT_TRUE(Describe().process.empty()) << "a process without files cannot live";
}

TEST_F(SeLinuxTest, RefusesContextsThatAreNone) {
  Enable();
  Write(kContexts, "process = \"container_t\"\nfile = \"system_u:object_r:container_file_t:s0\"\n");
  Result<SeLinuxHost> host = SeLinux(root_).Describe();
  ASSERT_FALSE(host);
  EXPECT_EQ(host.error().subject, "container_t");
}

TEST_F(SeLinuxTest, AsksTheKernelAboutAContext) {
  Enable();
  ASSERT_TRUE(SeLinux(root_).Check("a:b:c:s0:c1,c2"));
  EXPECT_EQ(ReadFile(root_ + "/sys/fs/selinux/context").value_or(""), "a:b:c:s0:c1,c2");
}

}  // namespace
}  // namespace davit::cri
