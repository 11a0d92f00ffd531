// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/result_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "base/testing/mutated_json.h"

namespace davit::cni {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

// As libcni 1.3 writes it; "config" is {"name":"pods"}.
constexpr char kOfLibcni[] = R"({"kind":"cniCacheV1","containerId":"abc","config":"eyJuYW1lIjoicG9kcyJ9",
  "ifName":"eth0","networkName":"pods","netns":"/run/netns/x","cniArgs":[["IgnoreUnknown","1"],["K8S_POD_NAME","web"]],
  "capabilityArgs":{"mac":"02:00:00:00:00:01"},"result":{"cniVersion":"1.0.0","ips":[]}})";

class ResultCacheTest : public ::testing::Test {
 protected:
  static std::string MakeDir() {
    std::string name = std::filesystem::temp_directory_path() / "davit-cache-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    return name;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  void Write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(dir_ + "/results");
    std::ofstream(dir_ + "/results/" + name) << text;
  }

  const std::string dir_ = MakeDir();
  ResultCache cache_{dir_};
};

TEST_F(ResultCacheTest, ReadsWhatLibcniHasWritten) {
  Write("pods-abc-eth0", kOfLibcni);
  CachedAttachment attachment = cache_.Get("pods", "abc", "eth0").value();
  EXPECT_EQ(attachment.config, R"({"name":"pods"})");
  EXPECT_EQ(attachment.netns_path, "/run/netns/x");
  EXPECT_THAT(attachment.args, ElementsAre(Pair("IgnoreUnknown", "1"), Pair("K8S_POD_NAME", "web")));
  EXPECT_THAT(attachment.capabilities, ElementsAre(Pair("mac", "\"02:00:00:00:00:01\"")));
  EXPECT_EQ(attachment.result, R"({"cniVersion":"1.0.0","ips":[]})");
  EXPECT_EQ(attachment.owner, "");
}

TEST_F(ResultCacheTest, WritesTheSameAndReadsItAgain) {
  Write("pods-abc-eth0", kOfLibcni);
  CachedAttachment attachment = cache_.Get("pods", "abc", "eth0").value();
  std::filesystem::remove_all(dir_ + "/results");
  ASSERT_TRUE(cache_.Put(attachment));
  EXPECT_EQ(Json::parse(ReadFile(dir_ + "/results/pods-abc-eth0").value()), Json::parse(kOfLibcni));
  attachment.owner = "/var/lib/davit";
  ASSERT_TRUE(cache_.Put(attachment));
  EXPECT_EQ(cache_.Get("pods", "abc", "eth0")->owner, "/var/lib/davit");
}

TEST_F(ResultCacheTest, RemovesOnlyTheOneAndMayRepeatIt) {
  Write("pods-abc-eth0", kOfLibcni);
  Write("pods-abd-eth0", kOfLibcni);
  EXPECT_TRUE(cache_.Remove("pods", "abc", "eth0"));
  EXPECT_TRUE(cache_.Remove("pods", "abc", "eth0"));
  EXPECT_EQ(cache_.Get("pods", "abc", "eth0").error().code, Code::kNotFound);
  EXPECT_TRUE(cache_.Get("pods", "abd", "eth0"));
}

TEST_F(ResultCacheTest, ListsWhatCanBeReadAndNoTemporaryFiles) {
  EXPECT_THAT(cache_.List(), IsEmpty());
  Write("pods-abc-eth0", kOfLibcni);
  Write("empty", "");
  Write("other-kind", R"({"kind": "x"})");
  Write(".pods-abc-eth0.tmp", kOfLibcni);
  EXPECT_THAT(cache_.List(), ElementsAre(::testing::Field(&CachedAttachment::container_id, "abc")));
}

TEST_F(ResultCacheTest, WithoutADirectoryThereIsNothing) {
  ResultCache none("");
  EXPECT_TRUE(none.Put({"pods", "abc", "eth0", "", "{}", {}, {}, "{}"}));
  EXPECT_EQ(none.Get("pods", "abc", "eth0").error().code, Code::kNotFound);
  EXPECT_TRUE(none.Remove("pods", "abc", "eth0"));
  EXPECT_THAT(none.List(), IsEmpty());
}

TEST_F(ResultCacheTest, NothingThrowsWhateverTypeAValueHas) {
  for (const std::string& text : WithEachValueOfEachType(Json::parse(kOfLibcni))) {
    Write("pods-abc-eth0", text);
    EXPECT_NO_THROW((void)cache_.List()) << text;
  }
}

}  // namespace
}  // namespace davit::cni
