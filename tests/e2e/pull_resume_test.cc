// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A daemon that is killed in the middle of a pull: what the next pull fetches again, counted by a proxy in
// front of a real registry.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "base/file_io.h"
#include "images/testing/fault_proxy.h"
#include "images/testing/tar_builder.h"
#include "images/testing/test_image.h"
#include "tests/client/command.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using client::MustRun;
using client::SourcePath;
using images::FaultProxy;
using images::TestImage;
using ::testing::IsEmpty;

constexpr char kImage[] = "resume.test/davit/big:1";
constexpr int64_t kTwiceAtMost = 64 << 20;  // bytes

// Eight layers of 24 MiB that do not compress: half of them is more than may be fetched twice.
TestImage BigImage() {
  std::mt19937_64 random(1);
  std::vector<images::TestLayer> layers;
  for (int i = 0; i < 8; ++i) {
    std::string data(24 << 20, '\0');
    for (size_t at = 0; at < data.size(); at += 8) {
      uint64_t word = random();
      data.replace(at, 8, reinterpret_cast<const char*>(&word), 8);
    }
    layers.push_back(images::GzipLayer(images::TarBuilder().File("file" + std::to_string(i), data).Finish()));
  }
  return TestImage::Make(std::move(layers));
}

// A registry of its own with the big image, behind a proxy.
class PullResume : public OwnInstanceTest {
 protected:
  void SetUp() override {
    image_ = BigImage();
    registry_ = instance().directory() + "/registry";
    MustRun({SourcePath("tests/images/registry"), "start", registry_});
    std::string address = ReadFile(registry_ + "/address").value();
    address.pop_back();
    std::string layout = instance().directory() + "/layout";
    images::WriteOciLayout(layout, "t", image_);
    MustRun({"/usr/bin/skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false",
             "oci:" + layout + ":t", "docker://" + address + "/davit/big:1"});
    proxy_ = std::make_unique<FaultProxy>(address, [](const std::string&) { return FaultProxy::Cut(); });
    instance().Mirror("resume.test", proxy_->host());
  }
  void TearDown() override {
    proxy_.reset();
    MustRun({SourcePath("tests/images/registry"), "stop", registry_});
    OwnInstanceTest::TearDown();
  }
  static Answer<v1::PullImageResponse> Pull(CriClient& cri) {
    v1::PullImageRequest request;
    request.mutable_image()->set_image(kImage);
    return cri.Ask(&ImageStub::PullImage, request);
  }
  int64_t Needed() const {
    int64_t bytes = static_cast<int64_t>(image_.config.size() + image_.manifest.size());
    for (const images::TestLayer& layer : image_.layers) bytes += static_cast<int64_t>(layer.blob.size());
    return bytes;
  }
  std::vector<std::string> PartialBlobs() {
    std::vector<std::string> names;
    for (const auto& entry :
         std::filesystem::directory_iterator(instance().directory() + "/root/blobs/partial"))
      names.push_back(entry.path().filename());
    return names;
  }

  size_t FinishedLayers() {
    std::filesystem::directory_iterator layers(instance().directory() + "/root/snapshots/layers");
    return static_cast<size_t>(std::distance(begin(layers), end(layers)));
  }

  TestImage image_;
  std::string registry_;
  std::unique_ptr<FaultProxy> proxy_;
};

TEST_F(PullResume, AKillAtHalfCostsLittle) {
  std::thread first([&] { (void)Pull(*NewClient()); });
  WaitUntil("half of the image was sent", [&] { return proxy_->passed_on() >= Needed() / 2; });
  instance().Kill();
  first.join();
  int64_t before = proxy_->passed_on();
  EXPECT_LT(before, Needed()) << "the pull was over before the kill";
  instance().Restart();
  Reconnect();

  EXPECT_THAT(Pull(cri()), Succeeds());

  int64_t twice = proxy_->passed_on() - Needed();
  RecordProperty("bytes_fetched_twice", std::to_string(twice));
  EXPECT_LE(twice, kTwiceAtMost) << before << " of " << Needed() << " bytes were sent before the kill";
  EXPECT_THAT(PartialBlobs(), IsEmpty());
  v1::ImageStatusRequest status;
  status.mutable_image()->set_image(kImage);
  EXPECT_TRUE(Must(cri().Ask(&ImageStub::ImageStatus, status)).has_image());
}

TEST_F(PullResume, WhatAnUnfinishedPullHasLeftIsShownAndPruned) {
  std::filesystem::space_info space = std::filesystem::space(instance().directory());
  if (space.available < space.capacity / 5)
    GTEST_SKIP() << "needs 20 % of the disk free: below 15 % nothing of an unfinished pull is kept";
  size_t layers_before = FinishedLayers();
  std::thread first([&] { (void)Pull(*NewClient()); });
  WaitUntil("a layer is finished and another is not", [&] {
    return FinishedLayers() > layers_before && !PartialBlobs().empty() && proxy_->passed_on() >= Needed() / 2;
  });
  instance().Kill();
  first.join();
  instance().Restart();
  Reconnect();
  auto davit = [this](const std::string& words) {
    return MustRun({"/bin/sh", "-c",
                    DAVIT_BUILD_BIN_DIR "/davit --address unix://" + instance().socket() + " " + words});
  };
  auto usage = nlohmann::json::parse(davit("system df --output json"));
  EXPECT_GE(usage["unfinished"]["total"], 1) << usage.dump(2);
  EXPECT_GE(usage["unfinished"]["reclaimableBytes"], 24 << 20);
  EXPECT_FALSE(PartialBlobs().empty());
  EXPECT_THAT(davit("image prune --all --force"), ::testing::HasSubstr(" MB\n"));
  usage = nlohmann::json::parse(davit("system df --output json"));
  EXPECT_EQ(usage["unfinished"]["total"], 0);
  EXPECT_EQ(usage["blobs"]["total"], 0);
  EXPECT_THAT(PartialBlobs(), IsEmpty());
  EXPECT_THAT(Pull(cri()), Succeeds());
}

}  // namespace
}  // namespace davit::e2e
