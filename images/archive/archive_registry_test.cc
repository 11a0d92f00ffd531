// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Archives that go to and come from a real tool (skopeo).
#include <fcntl.h>

#include <filesystem>

#include "images/archive/image_load.h"
#include "images/archive/image_save.h"
#include "images/digest.h"
#include "images/testing/command.h"
#include "images/testing/store_fixture.h"

namespace davit::images {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ArchiveTools : public Store {
 protected:
  void SetUp() override {
    Store::SetUp();
    for (const char* program : {"docker-registry", "skopeo"}) {
      if (!FindProgram(program)) GTEST_SKIP() << "needs " << program;
    }
  }
  void Skopeo(std::vector<std::string> args) {
    args.insert(args.begin(), {"--insecure-policy", "copy"});
    auto output = RunProgram("skopeo", args);
    EXPECT_TRUE(output) << output.error().ToString();
  }
  Result<LoadReport> LoadFile(const std::string& path) {
    UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return LoadImages({*store_, layers_, *blobs_, config_.unpack_program}, file.get(), interrupt_);
  }
  std::string Blob(const std::string& layout, const std::string& digest) {
    return ReadFile(layout + "/blobs/sha256/" + digest.substr(7)).value_or("missing");
  }

  Interrupt interrupt_{[] { return true; }};
};

// A pulled image, whose layers the node does not keep.
TEST_F(ArchiveTools, SkopeoReadsWhatIsSaved) {
  RegistryServer::Options options;
  options.storage = scratch_ / "registry";
  auto server = RegistryServer::Start(options);
  ASSERT_TRUE(server) << server.error().ToString();
  WriteOciLayout(scratch_ / "layout", "t", image_);
  Skopeo({"--dest-tls-verify=false", "oci:" + (scratch_ / "layout:t"),
          "docker://" + server->host() + "/app:v1"});
  auto pulled = Pull(server->host() + "/app:v1");
  ASSERT_TRUE(pulled) << pulled.error().ToString();
  auto record = store_->Read(pulled->id);
  ASSERT_TRUE(record);

  RegistryClient::Options transfer;
  std::string file = scratch_ / "saved.tar";
  UniqueFd output(open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  DescriptorSink sink(output.get(), interrupt_);
  auto saved = ImageSaver(transfer, blobs_.get())
                   .Save({{*record, {"docker.io/library/app:v1"}}}, {}, sink, interrupt_);
  ASSERT_TRUE(saved) << saved.error().ToString();
  Skopeo({"--preserve-digests", "oci-archive:" + file + ":v1", "oci:" + (scratch_ / "oci:t")});
  for (const auto& [digest, blob] : image_.blobs) EXPECT_EQ(Blob(scratch_ / "oci", digest), blob);
  Skopeo({"docker-archive:" + file + ":docker.io/library/app:v1", "dir:" + (scratch_ / "docker")});
  EXPECT_EQ(ReadFile(scratch_ / "docker/" + image_.config_digest.substr(7)).value_or("missing"),
            image_.config);
}

TEST_F(ArchiveTools, WhatSkopeoWritesIsLoaded) {
  WriteOciLayout(scratch_ / "layout", "t", image_);
  std::string from = "oci:" + (scratch_ / "layout:t");
  std::string oci = scratch_ / "oci.tar";
  Skopeo({from, "oci-archive:" + oci + ":registry.example/app:v1"});
  auto report = LoadFile(oci);
  ASSERT_TRUE(report) << report.error().ToString();
  ASSERT_THAT(report->failures, IsEmpty()) << report->failures[0].ToString();
  auto image = store_->Read("registry.example/app:v1");
  ASSERT_TRUE(image) << image.error().ToString();
  EXPECT_EQ(image->manifest_json, image_.manifest);
  EXPECT_THAT(image->repo_digests, ElementsAre("registry.example/app@" + image_.manifest_digest));
  std::vector<std::string> chain_ids = image->chain_ids;
  ASSERT_TRUE(store_->Remove(image->id));

  std::string docker = scratch_ / "docker.tar";
  Skopeo({from, "docker-archive:" + docker + ":registry.example/app:v2"});
  report = LoadFile(docker);
  ASSERT_TRUE(report) << report.error().ToString();
  ASSERT_THAT(report->failures, IsEmpty()) << report->failures[0].ToString();
  auto second = store_->Find("registry.example/app:v2");
  ASSERT_TRUE(second) << second.error().ToString();
  EXPECT_EQ(second->chain_ids, chain_ids) << "the diff ids are equal";
  EXPECT_EQ(Content(*second, 1, "a/two"), "2");
}

}  // namespace
}  // namespace davit::images
