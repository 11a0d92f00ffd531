// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/archive_stream.h"

#include <gmock/gmock.h>

#include <vector>

namespace davit::cri {
namespace {

namespace api = ::davit::v1;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::SizeIs;

constexpr size_t k256Kib = 262'144;

TEST(ExportSinkTest, SendsAllBytesInPiecesOf256Kib) {
  std::vector<std::string> sent;
  ExportSink sink([&sent](const api::ExportImagesResponse& message) {
    sent.push_back(message.data());
    return true;
  });
  std::string all;
  for (size_t size : {size_t{1}, size_t{511}, k256Kib, size_t{0}, 2 * k256Kib + 7}) {
    std::string piece(size, static_cast<char>('a' + sent.size()));
    ASSERT_TRUE(sink.Write(piece));
    all += piece;
  }
  EXPECT_THAT(sent, SizeIs(3)) << "the rest waits for more";
  ASSERT_TRUE(sink.Flush());
  ASSERT_TRUE(sink.Flush());
  ASSERT_THAT(sent, SizeIs(4));
  std::string joined;
  for (const std::string& piece : sent) {
    EXPECT_THAT(piece.size(), Le(k256Kib));
    joined += piece;
  }
  EXPECT_EQ(joined, all);
}

TEST(ExportSinkTest, AClientThatHasLeftEndsTheArchive) {
  int sent = 0;
  ExportSink sink([&sent](const api::ExportImagesResponse&) { return ++sent < 2; });
  auto written = sink.Write(std::string(10 * k256Kib, 'x'));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::kCancelled);
  EXPECT_EQ(sent, 2);
}

class Receive : public ::testing::Test {
 protected:
  Result<> Run() {
    size_t next = 0;
    return ReceiveArchive(
        [&](api::ImportImagesRequest& message) {
          if (next == messages_.size()) return false;
          message = messages_[next++];
          return true;
        },
        [&](std::string_view piece) -> Result<> {
          if (full_) return Fail(Code::kResourceExhausted, "write", "disk", "full");
          taken_ += piece;
          return {};
        });
  }
  void Add(const std::string& data, bool end = false) {
    api::ImportImagesRequest message;
    message.set_data(data);
    message.set_end(end);
    messages_.push_back(message);
  }

  std::vector<api::ImportImagesRequest> messages_;
  std::string taken_;
  bool full_ = false;
};

TEST_F(Receive, JoinsThePiecesUpToTheEnd) {
  Add("ab");
  Add("");
  Add("cd", /*end=*/true);
  Add("not read");
  auto received = Run();
  EXPECT_TRUE(received) << received.error().ToString();
  EXPECT_EQ(taken_, "abcd");
}

// A client that was killed looks like one that has sent everything, but for the end.
TEST_F(Receive, WithoutAnEndThereIsNoArchive) {
  Add("ab");
  EXPECT_EQ(Run().error().code, Code::kCancelled);
  messages_.clear();
  EXPECT_EQ(Run().error().code, Code::kCancelled);
}

TEST_F(Receive, APieceThatIsTooLongIsRefused) {
  Add(std::string((4 << 20) + 1, 'x'), /*end=*/true);
  auto received = Run();
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().code, Code::kInvalidArgument);
  EXPECT_THAT(received.error().ToString(), HasSubstr("data"));
  EXPECT_EQ(taken_, "");
}

TEST_F(Receive, AFailureEndsIt) {
  full_ = true;
  Add("ab");
  Add("cd", /*end=*/true);
  EXPECT_EQ(Run().error().code, Code::kResourceExhausted);
}

}  // namespace
}  // namespace davit::cri
