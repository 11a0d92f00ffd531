// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/docker_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/file_io.h"
#include "cli/testing/test_support.h"

namespace davit::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const RegistryLogin kLogin{"user", "pass:word", ""};

class DockerConfigTest : public ::testing::Test {
 protected:
  ~DockerConfigTest() override { setenv("PATH", path_.c_str(), 1); }

  void Write(const std::string& text) {
    fs::create_directories(directory());
    std::ofstream(config_.path()) << text;
  }
  nlohmann::json Json() { return nlohmann::json::parse(ReadFile(config_.path()).value()); }
  std::string directory() const { return dir_.path() + "/docker"; }

  // A helper that keeps one secret per address in files, and writes every action to a log.
  void InstallHelper(const std::string& name) {
    std::string bin = dir_.path() + "/bin";
    fs::create_directories(bin);
    std::string program = bin + "/docker-credential-" + name;
    std::ofstream(program) << "#!/bin/sh\n"
                              "store=" +
                                  dir_.path() + "/keys; mkdir -p $store\n" + R"sh(
input=$(cat); echo "$1 $input" >>$store/log
case $1 in
  get) file=$store/$(echo "$input" | tr /: __)
       [ -e $file ] && cat $file || { echo credentials not found in native keychain; exit 1; } ;;
  store) file=$store/$(echo "$input" | sed 's/.*"ServerURL":"\([^"]*\)".*/\1/' | tr /: __); echo "$input" >$file ;;
  erase) rm -f $store/$(echo "$input" | tr /: __) ;;
esac
)sh";
    fs::permissions(program, fs::perms::owner_all);
    setenv("PATH", (bin + ":" + path_).c_str(), 1);
  }
  std::string HelperLog() { return ReadFile(dir_.path() + "/keys/log").value_or(""); }

  TempDir dir_;
  DockerConfig config_{directory(), /*interrupt_fd=*/-1};
  const std::string path_ = getenv("PATH");
};

TEST_F(DockerConfigTest, WithoutAFileThereAreNoCredentials) {
  EXPECT_EQ(config_.Find("registry.test").value(), std::nullopt);
  EXPECT_FALSE(config_.Erase("registry.test").value());
  EXPECT_FALSE(fs::exists(directory()));
}

TEST_F(DockerConfigTest, StoresInAFileForItsUserAlone) {
  mode_t before = umask(0);
  EXPECT_EQ(config_.Store("registry.test:5000", kLogin).value(), DockerConfig::Keeper::kFile);
  umask(before);
  struct stat file{};
  ASSERT_EQ(stat(config_.path().c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777, 0600u);
  ASSERT_EQ(stat(directory().c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777, 0700u);
  EXPECT_EQ(config_.Find("registry.test:5000").value(), kLogin);
  EXPECT_EQ(config_.Find("registry.test").value(), std::nullopt) << "another port";
}

TEST_F(DockerConfigTest, KeepsEverythingElse) {
  Write(R"({"auths":{"other.test":{"auth":"YTpi","email":"x"}},"psFormat":"table","HttpHeaders":{"A":"b"}})");
  ASSERT_TRUE(config_.Store("registry.test", kLogin));
  EXPECT_TRUE(config_.Erase("registry.test").value());
  EXPECT_EQ(Json(),
            nlohmann::json::parse(R"({"auths":{"other.test":{"auth":"YTpi","email":"x"}},"psFormat":"table",)"
                                  R"("HttpHeaders":{"A":"b"}})"));
}

TEST_F(DockerConfigTest, KnowsTheSpellingsOfAnAddress) {
  Write(
      R"({"auths":{"https://registry.test/v2/":{"auth":"YTpi"},"https://index.docker.io/v1/":{"auth":"Yzpk"}}})");
  EXPECT_EQ(config_.Find("registry.test").value(), (RegistryLogin{"a", "b", ""}));
  EXPECT_EQ(config_.Find("docker.io").value(), (RegistryLogin{"c", "d", ""}));
  ASSERT_TRUE(config_.Store("registry.test", kLogin));
  EXPECT_FALSE(Json()["auths"].contains("https://registry.test/v2/"));
  ASSERT_TRUE(config_.Store("docker.io", kLogin));
  EXPECT_TRUE(Json()["auths"].contains("https://index.docker.io/v1/"));
}

TEST_F(DockerConfigTest, ReadsIdentityTokensAndPaddedPasswords) {
  Write(R"({"auths":{"token.test":{"identitytoken":"t","auth":"YTpi"},"old.test":{"auth":"YTpiAAA="},)"
        R"("null.test":null,"empty.test":{}}})");
  EXPECT_EQ(config_.Find("token.test").value(), (RegistryLogin{"", "", "t"}));
  EXPECT_EQ(config_.Find("old.test").value(), (RegistryLogin{"a", "b", ""}));
  EXPECT_EQ(config_.Find("null.test").value(), std::nullopt);
  EXPECT_EQ(config_.Find("empty.test").value(), std::nullopt);
}

TEST_F(DockerConfigTest, NamesTheFileThatItCannotRead) {
  for (const char* bad : {"{", "[]", "", R"({"auths":{"registry.test":{"auth":"!"}}})"}) {
    Write(bad);
    auto found = config_.Find("registry.test");
    ASSERT_FALSE(found) << bad;
    EXPECT_THAT(found.error().ToString(), HasSubstr(config_.path()));
  }
  Write("{");
  EXPECT_FALSE(config_.Store("registry.test", kLogin)) << "what is not understood is not overwritten";
  EXPECT_EQ(ReadFile(config_.path()).value(), "{");
}

TEST_F(DockerConfigTest, WritesThroughASymbolicLink) {
  fs::create_directories(directory());
  std::string target = dir_.path() + "/dotfiles.json";
  std::ofstream(target) << "{}";
  fs::create_symlink(target, config_.path());
  ASSERT_TRUE(config_.Store("registry.test", kLogin));
  EXPECT_TRUE(fs::is_symlink(config_.path()));
  EXPECT_THAT(ReadFile(target).value(), HasSubstr("registry.test"));
}

TEST_F(DockerConfigTest, AHelperKeepsTheSecrets) {
  InstallHelper("vault");
  Write(R"({"credsStore":"vault"})");
  EXPECT_EQ(config_.Store("registry.test", kLogin).value(), DockerConfig::Keeper::kHelper);
  EXPECT_EQ(Json()["auths"]["registry.test"], nlohmann::json::object());
  EXPECT_EQ(config_.Find("registry.test").value(), kLogin);
  EXPECT_EQ(config_.Find("other.test").value(), std::nullopt);
  EXPECT_TRUE(config_.Erase("registry.test").value());
  EXPECT_EQ(config_.Find("registry.test").value(), std::nullopt);
  EXPECT_FALSE(Json()["auths"].contains("registry.test"));
  EXPECT_THAT(HelperLog(), HasSubstr("get other.test\n"));
}

TEST_F(DockerConfigTest, AHelperMayBeForOneRegistry) {
  InstallHelper("cloud");
  Write(
      R"({"credHelpers":{"cloud.test":"cloud"},"auths":{"cloud.test":{"auth":"YTpi"},"other.test":{"auth":"YTpi"}}})");
  EXPECT_EQ(config_.Find("cloud.test").value(), std::nullopt) << "docker does not look into the file either";
  EXPECT_TRUE(config_.Find("other.test").value());
  RegistryLogin token{"", "", "refresh"};
  ASSERT_TRUE(config_.Store("cloud.test", token));
  EXPECT_EQ(config_.Find("cloud.test").value(), token);
  EXPECT_THAT(HelperLog(), HasSubstr("<token>"));
}

TEST_F(DockerConfigTest, AHelperThatIsMissingOrFailsIsNamed) {
  Write(R"({"credsStore":"no-such-thing"})");
  EXPECT_THAT(config_.Find("registry.test").error().ToString(), HasSubstr("docker-credential-no-such-thing"));
  Write(R"({"credsStore":"../../evil"})");
  EXPECT_EQ(config_.Find("registry.test").error().code, Code::kInvalidArgument);
  InstallHelper("broken");
  std::ofstream(dir_.path() + "/bin/docker-credential-broken")
      << "#!/bin/sh\necho the vault is locked >&2\nexit 3\n";
  Write(R"({"credsStore":"broken"})");
  EXPECT_THAT(config_.Find("registry.test").error().ToString(), HasSubstr("the vault is locked"));
}

}  // namespace
}  // namespace davit::cli
