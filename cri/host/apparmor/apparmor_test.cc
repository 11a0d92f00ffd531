// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/apparmor/apparmor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/file_io.h"
#include "cri/host/apparmor/default_profile.h"

namespace davit::cri {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A host in a directory. Its parser keeps what it was given in `loaded`, once per call.
class AppArmorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "davit-apparmor-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& content, bool executable = false) {
    std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << content;
    if (executable) std::filesystem::permissions(file, std::filesystem::perms::all);
  }
  void Enable(const std::string& profiles = "") {
    Write("/sys/module/apparmor/parameters/enabled", "Y\n");
    Write(kProfiles, profiles);
  }
  void InstallParser(const std::string& script) {
    Write("/usr/sbin/apparmor_parser", "#!/bin/sh\n" + script + "\n", /*executable=*/true);
  }
  void InstallGoodParser() {
    InstallParser("cat >> " + root_ + "/loaded; echo 'davit-default (enforce)' >> " + root_ + kProfiles);
  }
  std::string Loaded() const { return ReadFile(root_ + "/loaded").value_or(""); }
  size_t TimesLoaded() const {
    std::string loaded = Loaded();
    size_t times = 0;
    for (size_t at = 0; (at = loaded.find("\nprofile ", at)) != loaded.npos; ++at) ++times;
    return times;
  }

  static constexpr char kProfiles[] = "/sys/kernel/security/apparmor/profiles";
  std::string root_;
};

TEST_F(AppArmorTest, KnowsWhatTheHostHas) {
  EXPECT_EQ(AppArmor(root_).Support(), AppArmorSupport::kNone);
  Write("/sys/module/apparmor/parameters/enabled", "Y\n");
  EXPECT_EQ(AppArmor(root_).Support(), AppArmorSupport::kNoPolicyFs);
  Enable();
  EXPECT_EQ(AppArmor(root_).Support(), AppArmorSupport::kNoParser);
  InstallGoodParser();
  EXPECT_EQ(AppArmor(root_).Support(), AppArmorSupport::kFull);
  Write("/sys/module/apparmor/parameters/enabled", "N\n");
  EXPECT_EQ(AppArmor(root_).Support(), AppArmorSupport::kNone);
}

TEST_F(AppArmorTest, ANamedProfileHasToBeLoaded) {
  Enable("/usr/bin/man (enforce)\nweb (complain)\na name (with brackets) (enforce)\n");
  AppArmor apparmor(root_);
  for (const char* name : {"web", "/usr/bin/man", "a name (with brackets)"})
    EXPECT_TRUE(apparmor.Provide(name)) << name;
  for (const char* name : {"we", "web (complain)", "a name", "", "web\nweb"}) {
    Result<> provided = apparmor.Provide(name);
    ASSERT_FALSE(provided) << name;
    EXPECT_EQ(provided.error().code, Code::kFailedPrecondition);
    EXPECT_EQ(provided.error().subject, name);
  }
}

// Seccomp does not see the family of a 32-bit program's socketcall(2).
TEST(DefaultAppArmorPolicy, RefusesAddressFamiliesThatReachTheHost) {
  std::string policy = DefaultAppArmorPolicy("");
  EXPECT_THAT(policy, HasSubstr("deny network alg,"));
  EXPECT_THAT(policy, HasSubstr("deny network vsock,"));
}

TEST_F(AppArmorTest, LoadsItsOwnProfileOnce) {
  Enable();
  InstallGoodParser();
  AppArmor apparmor(root_);
  ASSERT_TRUE(apparmor.Provide(kDefaultAppArmorProfile));
  ASSERT_TRUE(apparmor.Provide(kDefaultAppArmorProfile));
  EXPECT_EQ(TimesLoaded(), 1U);
}

TEST_F(AppArmorTest, ReplacesWhatAnEarlierDaemonHasLoaded) {
  Enable("davit-default (enforce)\n");
  InstallGoodParser();
  ASSERT_TRUE(AppArmor(root_).Provide(kDefaultAppArmorProfile));
  EXPECT_EQ(TimesLoaded(), 1U);
}

TEST_F(AppArmorTest, LoadsItsOwnProfileAgainWhenItIsGone) {
  Enable();
  InstallGoodParser();
  AppArmor apparmor(root_);
  ASSERT_TRUE(apparmor.Provide(kDefaultAppArmorProfile));
  Enable();
  ASSERT_TRUE(apparmor.Provide(kDefaultAppArmorProfile));
  EXPECT_EQ(TimesLoaded(), 2U);
}

TEST_F(AppArmorTest, PinsTheFeaturesWhereTheHostDescribesThem) {
  Enable();
  InstallGoodParser();
  ASSERT_TRUE(AppArmor(root_).Provide(kDefaultAppArmorProfile));
  EXPECT_THAT(Loaded(), StartsWith("\nprofile davit-default"));
  Write("/etc/apparmor.d/abi/3.0", "");
  Write("/loaded", "");
  ASSERT_TRUE(AppArmor(root_).Provide(kDefaultAppArmorProfile));
  EXPECT_THAT(Loaded(), StartsWith("abi <abi/3.0>,\n"));
}

TEST_F(AppArmorTest, SaysThatTheParserIsMissing) {
  Enable();
  Result<> provided = AppArmor(root_).Provide(kDefaultAppArmorProfile);
  ASSERT_FALSE(provided);
  EXPECT_THAT(provided.error().ToString(), HasSubstr("apparmor_parser is not installed"));
  Enable("davit-default (enforce)\n");
  EXPECT_TRUE(AppArmor(root_).Provide(kDefaultAppArmorProfile)) << "somebody else has loaded it";
}

TEST_F(AppArmorTest, SaysWhatTheParserSays) {
  Enable();
  InstallParser("echo 'syntax error in line 7' >&2; exit 1");
  Result<> provided = AppArmor(root_).Provide(kDefaultAppArmorProfile);
  ASSERT_FALSE(provided);
  EXPECT_THAT(provided.error().ToString(), HasSubstr("syntax error in line 7"));
}

}  // namespace
}  // namespace davit::cri
