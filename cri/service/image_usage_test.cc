// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/image_usage.h"

#include <gmock/gmock.h>

namespace davit::cri {
namespace {

images::ImageSummary Image(const std::string& id, std::vector<std::string> chain_ids) {
  images::ImageSummary image;
  image.id = id;
  image.chain_ids = std::move(chain_ids);
  image.repo_digests = {"registry.test/" + id + "@sha256:1"};
  return image;
}

// Layers "base" (100 bytes), "app" (10) and "tool" (1).
class UsageOfImages : public ::testing::Test {
 protected:
  ImageUsage Usage(const std::vector<ContainerUse>& containers = {}) {
    return {{app_, tool_, copy_}, containers, [](const std::string& layer) -> uint64_t {
              return layer == "base" ? 100 : layer == "app" ? 10 : 1;
            }};
  }

  images::ImageSummary app_ = Image("app", {"base", "app"});
  images::ImageSummary tool_ = Image("tool", {"base", "tool"});
  images::ImageSummary copy_ = Image("copy", {"base", "app"});  // another config over the same layers
};

TEST_F(UsageOfImages, CountsASharedLayerOnce) {
  ImageUsage usage = Usage();
  EXPECT_EQ(usage.TotalBytes(), 111u);
  EXPECT_EQ(usage.BytesOf(app_), 110u);
  EXPECT_EQ(usage.UniqueBytesOf(app_), 0u);
  EXPECT_EQ(usage.UniqueBytesOf(tool_), 1u);
  EXPECT_EQ(usage.ImagesWith("base"), 3u);
  EXPECT_EQ(usage.ImagesWith("app"), 2u);
}

TEST_F(UsageOfImages, WhatARemovalFreesDependsOnWhatStays) {
  ImageUsage usage = Usage();
  EXPECT_EQ(usage.FreedBy({app_}), 0u);
  EXPECT_EQ(usage.FreedBy({app_, copy_}), 10u);
  EXPECT_EQ(usage.FreedBy({app_, copy_, tool_}), 111u);
}

TEST_F(UsageOfImages, AContainerKeepsLayersOfItsImageAndOfItsVolumes) {
  ImageUsage usage = Usage({{"1", true, {"tool", "registry.test/app@sha256:1", "app"}, {"base", "app"}},
                            {"2", false, {"tool"}, {"base"}}});
  EXPECT_EQ(usage.ContainersOf("tool"), 2u);
  EXPECT_EQ(usage.ContainersOf("app"), 1u);
  EXPECT_EQ(usage.ContainersOf("copy"), 0u);
  EXPECT_EQ(usage.FreedBy({app_, copy_, tool_}), 1u);
}

TEST_F(UsageOfImages, ImagesAndLayersThatItDoesNotKnowAreEmpty) {
  ImageUsage usage = Usage({{"1", true, {"removed"}, {"gone"}}});
  EXPECT_EQ(usage.BytesOf(Image("new", {"unknown"})), 0u);
  EXPECT_EQ(usage.FreedBy({Image("new", {"unknown"})}), 0u);
  EXPECT_EQ(usage.ContainersOf("removed"), 0u);
}

}  // namespace
}  // namespace davit::cri
