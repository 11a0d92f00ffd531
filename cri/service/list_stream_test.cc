// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/list_stream.h"

#include <gtest/gtest.h>

#include "api/cri/v1/api.pb.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;

constexpr size_t kReceiveLimit = 16 << 20;

std::vector<v1::StreamContainersResponse> Pack(int count, size_t annotation_bytes) {
  std::vector<v1::Container> containers(count);
  for (int i = 0; i < count; ++i) {
    containers[i].set_id(std::to_string(i));
    (*containers[i].mutable_annotations())["large"] = std::string(annotation_bytes, 'x');
  }
  return PackItems(std::move(containers), &v1::StreamContainersResponse::add_containers);
}

void ExpectAllInOrderBelowTheLimit(const std::vector<v1::StreamContainersResponse>& messages, int count) {
  int next = 0;
  for (const v1::StreamContainersResponse& message : messages) {
    EXPECT_LT(message.ByteSizeLong(), kReceiveLimit);
    EXPECT_GT(message.containers_size(), 0);
    for (const v1::Container& container : message.containers())
      EXPECT_EQ(container.id(), std::to_string(next++));
  }
  EXPECT_EQ(next, count);
}

TEST(PackItems, FiveThousandContainersAreInOrderInMessagesBelowTheLimit) {
  std::vector<v1::StreamContainersResponse> messages = Pack(5'000, 4'000);
  ExpectAllInOrderBelowTheLimit(messages, 5'000);
  EXPECT_LT(messages.size(), 50U) << "more messages than needed";
}

TEST(PackItems, TheLargestAnnotationsThatKubernetesAllowsFit) {
  ExpectAllInOrderBelowTheLimit(Pack(200, 256 << 10), 200);
}

TEST(PackItems, AnEmptyListIsNoMessage) {
  EXPECT_TRUE(Pack(0, 0).empty());
}

}  // namespace
}  // namespace davit::cri
