// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/devices.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>

#include "cri/spec/testing/spec_testing.h"

namespace davit::cri {
namespace {

// A directory that looks like a /dev, with real nodes.
class FixtureDev : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "davit-dev-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
    if (!Node("null", S_IFCHR | 0666, 1, 3)) GTEST_SKIP() << "device nodes cannot be made here (CAP_MKNOD)";
    for (const char* directory : {"pts", "snd", "shm"})
      std::filesystem::create_directory(path_ + "/" + directory);
    Node("loop0", S_IFBLK | 0660, 7, 0);
    Node("ptmx", S_IFCHR | 0666, 5, 2);
    Node("console", S_IFCHR | 0600, 5, 1);
    Node("pts/0", S_IFCHR | 0600, 136, 0);
    Node("snd/seq", S_IFCHR | 0640, 116, 1);
    Node("pipe", S_IFIFO | 0600, 0, 0);
    std::filesystem::create_symlink("null", path_ + "/link");
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  bool Node(const std::string& name, mode_t mode, unsigned major, unsigned minor) {
    std::string path = path_ + "/" + name;
    return mknod(path.c_str(), mode, makedev(major, minor)) == 0 && chmod(path.c_str(), mode & 07777) == 0;
  }

  Result<std::vector<shim::DeviceStep>> Request(const std::string& host_path, const std::string& rest = "") {
    auto config =
        Proto<v1::ContainerConfig>("devices { host_path: '" + path_ + host_path + "' " + rest + " }");
    return RequestedDevices(config.devices());
  }

  std::string path_;
};

std::vector<std::string> Paths(const std::vector<shim::DeviceStep>& devices) {
  std::vector<std::string> paths;
  for (const shim::DeviceStep& device : devices) paths.push_back(device.path);
  return paths;
}

TEST_F(FixtureDev, GivesADeviceAsItIs) {
  auto devices = Request("/snd/seq", "container_path: '/dev/seq' permissions: 'mr'");
  ASSERT_TRUE(devices) << devices.error().ToString();
  ASSERT_EQ(devices->size(), 1u);
  const shim::DeviceStep& seq = devices->front();
  EXPECT_EQ(seq.path, "/dev/seq");
  EXPECT_EQ(seq.type, 'c');
  EXPECT_EQ(seq.major, 116u);
  EXPECT_EQ(seq.minor, 1u);
  EXPECT_EQ(seq.mode, 0640u);
  EXPECT_EQ(seq.access, "rm");
}

TEST_F(FixtureDev, KnowsBlockDevices) {
  EXPECT_EQ(Request("/loop0")->front().type, 'b');
}

TEST_F(FixtureDev, FollowsALink) {
  EXPECT_EQ(Request("/link", "container_path: '/dev/n'")->front().minor, 3u);
}

TEST_F(FixtureDev, TakesTheHostsPathAndEveryAccessByDefault) {
  auto devices = Request("/null");
  ASSERT_TRUE(devices);
  EXPECT_EQ(devices->front().path, path_ + "/null");
  EXPECT_EQ(devices->front().access, "rwm");
}

TEST_F(FixtureDev, ExpandsADirectory) {
  auto devices = Request("", "container_path: '/dev/all'");
  ASSERT_TRUE(devices);
  EXPECT_THAT(Paths(*devices), ::testing::ElementsAre("/dev/all/console", "/dev/all/loop0", "/dev/all/null",
                                                      "/dev/all/ptmx", "/dev/all/pts/0", "/dev/all/snd/seq"));
}

TEST_F(FixtureDev, RefusesWhatIsNoDevice) {
  auto code = Code::kInvalidArgument;
  EXPECT_TRUE(Refuses(Request("/pipe"), code, "devices.host_path", "pipe"));
  EXPECT_TRUE(Refuses(Request("/shm"), code, "devices.host_path", "without devices"));
  EXPECT_TRUE(Refuses(Request("/null", "permissions: 'rx'"), code, "devices.permissions", "rx"));
  EXPECT_TRUE(Refuses(Request("/null", "container_path: 'null'"), code, "devices.container_path", "null"));
  EXPECT_TRUE(Refuses(Request("/null", "container_path: '/'"), code, "devices.container_path"));
  auto missing = Request("/missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_THAT(missing.error().ToString(), ::testing::HasSubstr(path_ + "/missing"));
}

TEST_F(FixtureDev, GivesPrivilegedContainersWhatIsTheHosts) {
  auto devices = HostDevices(path_);
  ASSERT_TRUE(devices);
  EXPECT_THAT(Paths(*devices), ::testing::ElementsAre("/dev/loop0", "/dev/null", "/dev/snd/seq"));
}

TEST(DeviceRules, DenyByDefault) {
  auto rules = DeviceRulesOf(shim::ContainerPlan());
  ASSERT_FALSE(rules.empty());
  EXPECT_EQ(rules[0], (DeviceRule{false, 'a', -1, -1, "rwm"}));
  EXPECT_THAT(rules, ::testing::Contains(DeviceRule{true, 'c', -1, -1, "m"}));
  EXPECT_THAT(rules, ::testing::Contains(DeviceRule{true, 'c', 1, 3, "rwm"}));
  EXPECT_THAT(rules, ::testing::Contains(DeviceRule{true, 'c', 136, -1, "rwm"}));
  EXPECT_EQ(std::ranges::count(rules, 'a', &DeviceRule::type), 1);
}

TEST(DeviceRules, AllowWhatThePlanLists) {
  shim::ContainerPlan plan;
  plan.devices.push_back({.path = "/dev/sda", .type = 'b', .major = 8, .minor = 1, .access = "r"});
  EXPECT_THAT(DeviceRulesOf(plan), ::testing::Contains(DeviceRule{true, 'b', 8, 1, "r"}));
  plan.all_devices = true;
  EXPECT_THAT(DeviceRulesOf(plan), ::testing::ElementsAre(DeviceRule{true, 'a', -1, -1, "rwm"}));
}

}  // namespace
}  // namespace davit::cri
