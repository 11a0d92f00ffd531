// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Pushes to a real registry (docker-registry); a real client (skopeo) then reads what is there. All of it on
// loopback and in a temporary directory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "base/file_io.h"
#include "images/digest.h"
#include "images/push/image_push.h"
#include "images/testing/command.h"
#include "images/testing/fault_proxy.h"
#include "images/testing/scratch_dir.h"
#include "images/testing/tar_builder.h"
#include "images/testing/test_image.h"

namespace davit::images {
namespace {

using ::testing::HasSubstr;

class PushToRegistry : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* program : {"docker-registry", "skopeo", "htpasswd", "openssl"}) {
      if (!FindProgram(program)) GTEST_SKIP() << "needs " << program;
    }
    config_.transfer.certs_d = scratch_ / "certs.d";
    config_.transfer.retry.first_pause_ms = 2;
    config_.upload.piece_bytes = 1 << 20;
    std::mt19937 random(1);
    std::string data(3'500'000, '\0');
    for (char& c : data) c = static_cast<char>(random());
    image_ = TestImage::Make({GzipLayer(TarBuilder().File("small", "s").Finish()),
                              GzipLayer(TarBuilder().File("big", data).Finish())});
    source_.emplace(Start("source"));
    WriteOciLayout(scratch_ / "layout", "t", image_);
    Skopeo({"copy", "--dest-tls-verify=false", "oci:" + scratch_.path() + "/layout:t",
            "docker://" + source_->host() + "/app:v1"});
  }

  RegistryServer Start(const std::string& name, RegistryServer::Options options = {}) {
    options.storage = scratch_ / name;
    auto server = RegistryServer::Start(options);
    EXPECT_TRUE(server) << server.error().ToString();
    return std::move(*server);
  }
  std::string Skopeo(std::vector<std::string> args) {
    args.insert(args.begin(), "--insecure-policy");
    auto output = RunProgram("skopeo", args);
    EXPECT_TRUE(output) << output.error().ToString();
    return output.value_or("");
  }
  Result<PushedImage> PushTo(const std::string& target, std::optional<RegistryAuth> auth = std::nullopt) {
    ImageRecord record;
    record.id = image_.config_digest;
    record.config_json = image_.config;
    record.manifest_json = image_.manifest;
    record.repo_digests = {source_->host() + "/app@" + image_.manifest_digest};
    PushRequest request{*ParseReference(target), std::move(auth), {}};
    return ImagePusher(config_, nullptr).Push(record, request, interrupt_, progress_);
  }
  // skopeo copies the image, and all is as it was.
  void ExpectCopy(const std::string& name, std::vector<std::string> options = {}) {
    std::string layout = scratch_ / "copied";
    std::filesystem::remove_all(layout);
    options.insert(options.begin(), {"copy", "--src-tls-verify=false", "--preserve-digests"});
    options.insert(options.end(), {"docker://" + name, "oci:" + layout + ":t"});
    Skopeo(options);
    for (const auto& [digest, blob] : image_.blobs)
      EXPECT_EQ(ReadFile(layout + "/blobs/sha256/" + digest.substr(7)).value_or("missing"), blob);
  }

  ScratchDir scratch_;
  TestImage image_;
  std::optional<RegistryServer> source_;
  Interrupt interrupt_{[] { return true; }};
  ImagePusher::Config config_;
  TransferProgress progress_;
};

TEST_F(PushToRegistry, CopiesAnImageToAnotherRegistry) {
  RegistryServer target = Start("target");
  auto pushed = PushTo(target.host() + "/team/copy:v2");
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_EQ(pushed->digest, image_.manifest_digest);
  ExpectCopy(target.host() + "/team/copy:v2");
  EXPECT_THAT(Skopeo({"inspect", "--tls-verify=false", "docker://" + target.host() + "/team/copy:v2"}),
              HasSubstr(image_.manifest_digest));
}

TEST_F(PushToRegistry, MountsWithinOneRegistry) {
  auto pushed = PushTo(source_->host() + "/team/copy:v2");
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  for (const LayerProgress& blob : progress_.Read()) EXPECT_EQ(blob.state, LayerProgress::State::kMounted);
  ExpectCopy(source_->host() + "/team/copy:v2");
}

TEST_F(PushToRegistry, LogsInOverTls) {
  RegistryServer::Options options;
  options.htpasswd = scratch_ / "htpasswd";
  options.certificate = scratch_ / "cert.pem";
  options.key = scratch_ / "key.pem";
  std::ofstream(options.htpasswd) << RunProgram("htpasswd", {"-Bbn", "user", "right-one"}).value_or("");
  auto made =
      RunProgram("openssl", {"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                             "-nodes", "-keyout", options.key, "-out", options.certificate, "-days", "2",
                             "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"});
  ASSERT_TRUE(made) << made.error().ToString();
  RegistryServer target = Start("target", options);
  std::filesystem::create_directories(config_.transfer.certs_d + "/registry.example");
  std::ofstream(config_.transfer.certs_d + "/registry.example/hosts.toml")
      << "server = \"https://" + target.host() + "\"\nca = \"" << options.certificate << "\"\n";
  RegistryAuth auth;
  auth.username = "user";
  auth.password = "wrong-one";
  for (const std::optional<RegistryAuth>& bad :
       {std::optional<RegistryAuth>(auth), std::optional<RegistryAuth>()}) {
    auto refused = PushTo("registry.example/copy:v2", bad);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kUnauthenticated) << refused.error().ToString();
    EXPECT_THAT(refused.error().ToString(), HasSubstr("log in to 127.0.0.1"));
  }
  auth.password = "right-one";
  auto pushed = PushTo("registry.example/copy:v2", auth);
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  ExpectCopy(target.host() + "/copy:v2", {"--src-creds", "user:right-one"});
}

// This registry gives up an upload whose connection was cut: the blob is sent again.
TEST_F(PushToRegistry, SurvivesCutConnections) {
  RegistryServer target = Start("target");
  std::atomic<int> requests = 0;
  FaultProxy proxy(target.host(), [&](const std::string& head) {
    bool cut = head.find(" /v2/copy/") != std::string::npos && !head.starts_with("PUT") &&
               ++requests % 4 == 0 && requests < 20;
    return FaultProxy::Cut{cut ? 0 : -1};
  });
  auto pushed = PushTo(proxy.host() + "/copy:v2");
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_GT(proxy.cuts(), 1);
  ExpectCopy(target.host() + "/copy:v2");
}

}  // namespace
}  // namespace davit::images
