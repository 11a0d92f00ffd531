// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/plugin_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace davit::cni {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class PluginSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "davit-source-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  void Write(const std::string& file, const std::string& text) const {
    std::ofstream(dir_ + "/" + file) << text;
  }
  static std::string Network(const std::string& name) {
    return R"({"cniVersion": "1.0.0", "name": ")" + name + R"(", "type": "bridge"})";
  }
  // The name of the network in force.
  std::string InForce() { return source().Read().in_force.value().name; }
  PluginSource& source() {
    if (!source_) source_.emplace(dir_);
    return *source_;
  }

  std::string dir_;
  std::optional<PluginSource> source_;
};

TEST_F(PluginSourceTest, AnInvalidFileLeavesTheLastValidOneInForceAndIsComplainedAbout) {
  Write("10-pods.conf", Network("first"));
  EXPECT_EQ(InForce(), "first");
  EXPECT_FALSE(source().Read().complaint);
  Write("10-pods.conf", "{\n  \"cniVersion\": \"1.0.0\",\n  \"name\": \"second\",\n  \"type\": \"../sh\"\n}");
  EXPECT_EQ(InForce(), "first");
  EXPECT_THAT(source().Read().complaint.value().ToString(),
              AllOf(HasSubstr("10-pods.conf:4"), HasSubstr("type: ")));
  Write("10-pods.conf", Network("third"));
  EXPECT_EQ(InForce(), "third");
  EXPECT_FALSE(source().Read().complaint);
}

TEST_F(PluginSourceTest, AHalfWrittenFileThatWouldComeFirstWaits) {
  Write("10-pods.conf", Network("first"));
  EXPECT_EQ(InForce(), "first");
  Write("05-new.conflist", "{\"cniVersion\": \"1.0.0\", \"na");
  EXPECT_EQ(InForce(), "first");
  EXPECT_THAT(source().Read().complaint.value().ToString(), HasSubstr("05-new.conflist"));
}

TEST_F(PluginSourceTest, NothingIsInForceWithoutAFile) {
  EXPECT_EQ(source().Read().in_force.error().code, Code::kNotFound);
  Write("10-pods.conf", Network("first"));
  EXPECT_EQ(InForce(), "first");
  std::filesystem::remove(dir_ + "/10-pods.conf");
  EXPECT_EQ(source().Read().in_force.error().code, Code::kNotFound);
  Write("10-pods.conf", "{");
  EXPECT_EQ(source().Read().in_force.error().code, Code::kInvalidArgument)
      << "what was removed does not come back";
}

TEST_F(PluginSourceTest, WithoutAValidOneBeforeTheInvalidOneIsTheError) {
  Write("10-pods.conf", "{");
  PluginSource::Reading reading = source().Read();
  EXPECT_THAT(reading.in_force.error().ToString(), AllOf(HasSubstr("10-pods.conf"), HasSubstr("line 1")));
  EXPECT_FALSE(reading.complaint) << "it is said once";
}

}  // namespace
}  // namespace davit::cni
