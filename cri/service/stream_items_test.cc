// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <gtest/gtest.h>

#include "api/cri/v1/api.pb.h"
#include "cri/service/rpc.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;

constexpr size_t kReceiveLimit = 16 << 20;

struct KeepingWriter {
  bool Write(const v1::StreamContainersResponse& message) {
    messages.push_back(message);
    return messages.size() < goes_away_at;
  }

  std::vector<v1::StreamContainersResponse> messages;
  size_t goes_away_at = SIZE_MAX;
};

std::vector<v1::Container> Containers(int count, size_t annotation_bytes) {
  std::vector<v1::Container> containers(count);
  for (int i = 0; i < count; ++i) {
    containers[i].set_id(std::to_string(i));
    (*containers[i].mutable_annotations())["large"] = std::string(annotation_bytes, 'x');
  }
  return containers;
}

grpc::Status Stream(std::vector<v1::Container> containers, KeepingWriter* writer) {
  return StreamItems<v1::StreamContainersResponse>(
      std::move(containers), writer,
      [](v1::StreamContainersResponse& message) { return message.add_containers(); });
}

void ExpectAllInOrderBelowTheLimit(const KeepingWriter& writer, int count) {
  int next = 0;
  for (const v1::StreamContainersResponse& message : writer.messages) {
    EXPECT_LT(message.ByteSizeLong(), kReceiveLimit);
    for (const v1::Container& container : message.containers())
      EXPECT_EQ(container.id(), std::to_string(next++));
  }
  EXPECT_EQ(next, count);
}

TEST(StreamItems, FiveThousandContainersArriveInOrderInMessagesBelowTheLimit) {
  KeepingWriter writer;
  ASSERT_TRUE(Stream(Containers(5'000, 4'000), &writer).ok());
  ExpectAllInOrderBelowTheLimit(writer, 5'000);
  EXPECT_LT(writer.messages.size(), 50U) << "more messages than needed";
}

TEST(StreamItems, TheLargestAnnotationsThatKubernetesAllowsFit) {
  KeepingWriter writer;
  ASSERT_TRUE(Stream(Containers(200, 256 << 10), &writer).ok());
  ExpectAllInOrderBelowTheLimit(writer, 200);
}

TEST(StreamItems, AnEmptyListIsAnEmptyStream) {
  KeepingWriter writer;
  EXPECT_TRUE(Stream({}, &writer).ok());
  EXPECT_TRUE(writer.messages.empty());
}

TEST(StreamItems, ItEndsWhenTheClientIsGone) {
  KeepingWriter writer{.messages = {}, .goes_away_at = 2};
  EXPECT_EQ(Stream(Containers(50, 256 << 10), &writer).error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(writer.messages.size(), 2U);
}

}  // namespace
}  // namespace davit::cri
