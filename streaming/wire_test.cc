// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/wire.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/file_io.h"
#include "base/time.h"

namespace davit::streaming {
namespace {

#ifdef __SANITIZE_ADDRESS__
constexpr bool kMemoryTells = false;  // what was freed is kept for a while
#else
constexpr bool kMemoryTells = true;
#endif

// By how much this process has grown, at most, whenever somebody looked.
class Growth {
 public:
  void Look() { peak_ = std::max(peak_, ResidentPages()); }
  size_t pages() const { return peak_ - before_; }

 private:
  static size_t ResidentPages() {
    std::string statm = ReadFile("/proc/self/statm").value();
    return std::stoul(statm.substr(statm.find(' ')));
  }

  size_t before_ = ResidentPages();
  size_t peak_ = before_;
};

constexpr size_t kStreamed = 64 << 20;
constexpr size_t kMemoryLimitPages = (kStreamed >> 12) / 8;

class WireTest : public ::testing::Test, public Wire::Listener {
 protected:
  WireTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    // Less than the wire keeps.
    int small = 16 << 10;
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    peer_.Reset(ends[1]);
    wire_ = std::make_unique<Wire>(loop_, buffers_, PlainTransport(UniqueFd(ends[0])), *this);
    EXPECT_TRUE(wire_->Open());
  }

  void OnBytes(std::span<char> bytes) override { wire_->Write({}, {bytes.data(), bytes.size()}); }
  void OnRoom() override {}
  void OnLost() override { lost_ = true; }

  std::string ReadText() {
    std::string text(8 << 10, '\0');
    text.resize(static_cast<size_t>(std::max<ssize_t>(0, recv(peer_.get(), text.data(), text.size(), 0))));
    return text;
  }
  size_t ReadSome(size_t most = 8 << 10) {
    std::string buffer(most, '\0');
    return static_cast<size_t>(std::max<ssize_t>(0, recv(peer_.get(), buffer.data(), most, 0)));
  }

  EventLoop loop_ = EventLoop::Create().value();
  StreamBuffers buffers_;
  UniqueFd peer_;
  std::unique_ptr<Wire> wire_;
  bool lost_ = false;
};

class WireFromPipeTest : public WireTest {
 protected:
  WireFromPipeTest() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    reader_.Reset(ends[0]);
    writer_.Reset(ends[1]);
  }
  void Fill(const std::string& bytes) {
    ASSERT_EQ(write(writer_.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }

  UniqueFd reader_;
  UniqueFd writer_;
};

TEST_F(WireFromPipeTest, HeadsAndBodiesArriveInTheirOrderHoweverFullTheSocketIs) {
  std::string expected;
  std::string arrived;
  for (int i = 0; i < 200; ++i) {
    std::string head = "<" + std::to_string(i) + ">";
    std::string body;
    while (body.size() < 40'000) body += std::to_string(body.size() + static_cast<size_t>(i));
    Fill(body + "rest");
    while (!wire_->has_room()) {
      arrived += ReadText();
      ASSERT_TRUE(loop_.RunOnce(0));
    }
    ASSERT_TRUE(wire_->WriteFromPipe(head, reader_.get(), body.size()));
    wire_->Write("", "answer");  // somebody who cannot wait
    expected += head + body + "answer";
    char rest[5] = "";
    ASSERT_EQ(read(reader_.get(), rest, sizeof rest), 4) << "no more than was asked for is taken";
  }
  while (arrived.size() < expected.size()) {
    arrived += ReadText();
    ASSERT_TRUE(loop_.RunOnce(0));
  }
  EXPECT_TRUE(arrived == expected);
}

// A process can read its own output through /proc/self/fd.
TEST_F(WireFromPipeTest, ABodyThatSomebodyTookAwayEndsTheConnection) {
  Fill("half");
  ASSERT_TRUE(wire_->WriteFromPipe("<8>", reader_.get(), 8));
  while (!lost_) ASSERT_TRUE(loop_.RunOnce(1000));
  while (ReadSome() > 0) {
  }
}

TEST_F(WireTest, APeerThatIsAlwaysBehindCostsNoMemory) {
  if (!kMemoryTells) GTEST_SKIP() << "a sanitized build keeps what was freed";
  std::string piece(64 << 10, 'x');
  Growth growth;
  size_t written = 0;
  size_t read = 0;
  while (read < kStreamed) {
    if (wire_->has_room() && written < kStreamed) {
      wire_->Write("", piece);
      written += piece.size();
    }
    read += ReadSome();
    ASSERT_TRUE(loop_.RunOnce(0));
    growth.Look();
  }
  EXPECT_EQ(read, written);
  EXPECT_LT(growth.pages(), kMemoryLimitPages);
}

// Who has an answer to write cannot wait for room.
TEST_F(WireTest, AnswersAmongTheDataCostNoMemoryEither) {
  if (!kMemoryTells) GTEST_SKIP() << "a sanitized build keeps what was freed";
  std::string piece(4 << 10, 'x');
  Growth growth;
  size_t read = 0;
  wire_->Write("", std::string(128 << 10, 'x'));
  while (read < kStreamed) {
    wire_->Write("", piece);
    size_t turn = 0;
    while (turn < piece.size()) {
      turn += ReadSome(piece.size() - turn);
      ASSERT_TRUE(loop_.RunOnce(0));
    }
    read += turn;
    growth.Look();
  }
  EXPECT_LT(growth.pages(), kMemoryLimitPages);
}

TEST_F(WireTest, APeerThatDoesNotReadItsAnswersIsLeftWaiting) {
  constexpr size_t kTooMuch = 16 << 20;
  std::string question(16 << 10, '?');
  size_t asked = 0;
  ssize_t n = 0;
  while (asked < kTooMuch && (n = send(peer_.get(), question.data(), question.size(), 0)) > 0) {
    asked += static_cast<size_t>(n);
    ASSERT_TRUE(loop_.RunOnce(0));
  }
  EXPECT_LT(asked, kTooMuch);

  size_t answered = 0;
  while (answered < asked) {
    ASSERT_TRUE(loop_.RunOnce(0));
    answered += ReadSome();
  }
  EXPECT_EQ(answered, asked);
}

TEST_F(WireTest, APeerThatGoesOnTalkingDoesNotPutOffTheEnd) {
  wire_->Finish();
  int64_t before = wire_->last_activity_ms();
  while (MonotonicMilliseconds() == before) {
  }
  ASSERT_EQ(send(peer_.get(), "and", 3, 0), 3);
  ASSERT_TRUE(loop_.RunOnce(0));
  EXPECT_EQ(wire_->last_activity_ms(), before);
}

}  // namespace
}  // namespace davit::streaming
