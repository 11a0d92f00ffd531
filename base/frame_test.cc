// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/frame.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <vector>

#include "base/file_io.h"

namespace davit {
namespace {

using ::testing::HasSubstr;

enum class Role : uint32_t { kFirst = 2, kSecond = 3 };

UniqueFd OpenNull() {
  return UniqueFd(open("/dev/null", O_RDWR | O_CLOEXEC));
}

ino_t InodeOf(const UniqueFd& fd) {
  struct stat st{};
  EXPECT_EQ(fstat(fd.get(), &st), 0);
  return st.st_ino;
}

class FrameTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto pair = FramePair();
    ASSERT_TRUE(pair);
    ours_ = std::move(pair->first);
    theirs_ = std::move(pair->second);
  }
  void SendBytes(std::string_view bytes) {
    ASSERT_EQ(send(ours_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  std::string ReceiveBytes() {
    char bytes[4096];
    ssize_t size = recv(theirs_.get(), bytes, sizeof bytes, 0);
    return {bytes, static_cast<size_t>(std::max<ssize_t>(size, 0))};
  }

  UniqueFd ours_;
  UniqueFd theirs_;
};

TEST_F(FrameTest, CarriesPayloadAndDescriptorsByTheirRoles) {
  UniqueFd null = OpenNull();
  UniqueFd pipe_ends[2];
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  pipe_ends[0].Reset(ends[0]);
  pipe_ends[1].Reset(ends[1]);
  RoleFd fds[] = {{Role::kSecond, pipe_ends[0].get()}, {Role::kFirst, null.get()}};
  ASSERT_TRUE(SendFrame(ours_.get(), 7, 42, "hello", fds));

  auto frame = ReceiveFrame(theirs_.get());

  ASSERT_TRUE(frame) << frame.error().ToString();
  EXPECT_EQ(frame->type, 7u);
  EXPECT_EQ(frame->request_id, 42u);
  EXPECT_EQ(frame->payload, "hello");
  UniqueFd first = frame->fds.Take(Role::kFirst);
  EXPECT_EQ(InodeOf(first), InodeOf(null)) << "whatever the order";
  EXPECT_EQ(fcntl(first.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(InodeOf(frame->fds.Take(Role::kSecond)), InodeOf(pipe_ends[0]));
  EXPECT_TRUE(frame->fds.empty());
}

TEST(Descriptors, OfOneRoleKeepTheirOrder) {
  Descriptors fds;
  std::vector<int> numbers;
  for (int i = 0; i < 3; ++i) {
    UniqueFd fd = OpenNull();
    numbers.push_back(fd.get());
    fds.Add(Role::kFirst, std::move(fd));
    fds.Add(Role::kSecond, OpenNull());
  }
  std::vector<UniqueFd> taken = fds.TakeAll(Role::kFirst);
  ASSERT_EQ(taken.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(taken[i].get(), numbers[i]);
  EXPECT_EQ(fds.size(), 3u);
}

TEST(Descriptors, WhatIsMissingOrLeftOverIsAnError) {
  Descriptors fds;
  fds.Add(Role::kFirst, OpenNull());
  auto missing = fds.Require(Role::kSecond, "start", "it");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().ToString(), "start it: a descriptor of role 3 is missing");
  EXPECT_EQ(fds.ExpectNoMore("start", "it").error().ToString(),
            "start it: a descriptor of role 2 is not expected");
  EXPECT_TRUE(fds.Require(Role::kFirst, "start", "it"));
  EXPECT_TRUE(fds.ExpectNoMore("start", "it"));
}

TEST_F(FrameTest, ALargePayloadTravelsInAMemfdThatNobodySees) {
  for (size_t size : {size_t{32} << 10, (size_t{32} << 10) + 1, size_t{1} << 20, size_t{16} << 20}) {
    std::string payload(size, 'p');
    payload.back() = 'e';
    UniqueFd null = OpenNull();
    RoleFd fds[] = {{Role::kFirst, null.get()}};
    auto sent = SendFrame(ours_.get(), 1, 1, payload, fds);
    ASSERT_TRUE(sent) << size << sent.error().ToString();
    auto frame = ReceiveFrame(theirs_.get());
    ASSERT_TRUE(frame) << size << frame.error().ToString();
    EXPECT_EQ(frame->payload, payload);
    EXPECT_TRUE(frame->fds.Take(Role::kFirst));
    EXPECT_TRUE(frame->fds.empty());
  }
}

TEST_F(FrameTest, APayloadThatWasMovedIsTheSameToTheReceiver) {
  std::string payload((32 << 10) + 1, 'p');
  Descriptors fds;
  ASSERT_TRUE(MovePayload(payload, fds));
  EXPECT_EQ(payload, "");
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(SendFrame(ours_.get(), 1, 1, payload, fds.Borrow()));
    EXPECT_EQ(ReceiveFrame(theirs_.get())->payload.size(), (32u << 10) + 1);
  }
}

TEST_F(FrameTest, WhatIsTooLargeIsRefusedBeforeItIsSent) {
  EXPECT_EQ(SendFrame(ours_.get(), 1, 1, std::string((16 << 20) + 1, 'x')).error().code,
            Code::kInvalidArgument);
  UniqueFd null = OpenNull();
  std::vector<RoleFd> many(300, RoleFd(Role::kFirst, null.get()));
  auto refused = SendFrame(ours_.get(), 1, 1, "", many);
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  EXPECT_FALSE(IsPeerGone(refused.error()));
  ASSERT_TRUE(SendFrame(ours_.get(), 9, 1, ""));
  EXPECT_EQ(ReceiveFrame(theirs_.get())->type, 9u) << "nothing else was sent";
}

TEST_F(FrameTest, AsManyDescriptorsAsTheKernelPassesComeThrough) {
  UniqueFd null = OpenNull();
  std::vector<RoleFd> most(252, RoleFd(Role::kFirst, null.get()));
  auto sent = SendFrame(ours_.get(), 1, 1, std::string(100'000, 'x'), most);
  ASSERT_TRUE(sent) << sent.error().ToString();
  auto frame = ReceiveFrame(theirs_.get());
  ASSERT_TRUE(frame) << frame.error().ToString();
  EXPECT_EQ(frame->fds.size(), 252u);
  EXPECT_EQ(frame->payload.size(), 100'000u);
}

TEST_F(FrameTest, OneDescriptorMoreThanTheLimitIsRefusedWhereverThePayloadIs) {
  UniqueFd null = OpenNull();
  for (const std::string& payload : {std::string(), std::string(100'000, 'x')}) {
    std::vector<RoleFd> many(253, RoleFd(Role::kFirst, null.get()));
    auto refused = SendFrame(ours_.get(), 1, 1, payload, many);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  }
}

TEST_F(FrameTest, AMovedPayloadLeavesAsMuchRoomForDescriptors) {
  UniqueFd null = OpenNull();
  Descriptors moved;
  std::string payload(100'000, 'x');
  ASSERT_TRUE(MovePayload(payload, moved));
  std::vector<RoleFd> most(252, RoleFd(Role::kFirst, null.get()));
  most.push_back(moved.Borrow().front());
  ASSERT_TRUE(SendFrame(ours_.get(), 1, 1, payload, most));
  EXPECT_EQ(ReceiveFrame(theirs_.get())->fds.size(), 252u);
  auto refused = SendFrame(ours_.get(), 1, 1, std::string(100'000, 'x'), most);
  ASSERT_FALSE(refused) << "a second payload";
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
}

TEST_F(FrameTest, OneDamagedFrameDoesNotHideTheNext) {
  ASSERT_TRUE(SendFrame(ours_.get(), 7, 42, "hello"));
  std::string whole = ReceiveBytes();
  UniqueFd null = OpenNull();
  UniqueFd unsealed(memfd_create("payload", MFD_CLOEXEC));
  ASSERT_TRUE(WriteAll(unsealed.get(), "payload", "memfd"));
  RoleFd changeable[] = {{kPayloadRole, unsealed.get()}};

  SendBytes("not a frame at all!");
  SendBytes(whole.substr(0, whole.size() - 1));
  SendBytes(whole + "x");
  SendBytes(whole + std::string(100'000, 'x'));
  SendBytes(std::string("\x10\x05", 2));              // no type
  SendBytes(whole + std::string("\x1a\x01\x02", 3));  // a role without a descriptor
  ASSERT_TRUE(SendFrame(ours_.get(), 7, 43, "", changeable));
  ASSERT_TRUE(SendFrame(ours_.get(), 8, 44, "the next one"));

  uint32_t expected[] = {0, 42, 42, 42, 5, 42, 43};
  for (uint32_t request_id : expected) {
    DamagedFrame damaged;
    auto frame = ReceiveFrame(theirs_.get(), &damaged);
    ASSERT_FALSE(frame);
    EXPECT_EQ(frame.error().code, Code::kDataLoss) << frame.error().ToString();
    EXPECT_EQ(damaged.request_id, request_id) << frame.error().ToString();
  }
  auto next = ReceiveFrame(theirs_.get());
  ASSERT_TRUE(next) << next.error().ToString();
  EXPECT_EQ(next->payload, "the next one");
}

TEST_F(FrameTest, AReceiverWithoutDescriptorsLosesOneFrame) {
  UniqueFd null = OpenNull();
  RoleFd fds[] = {{Role::kFirst, null.get()}};
  ASSERT_TRUE(SendFrame(ours_.get(), 7, 42, "hello", fds));
  ASSERT_TRUE(SendFrame(ours_.get(), 8, 43, "next", fds));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none{3, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  DamagedFrame damaged;
  auto lost = ReceiveFrame(theirs_.get(), &damaged);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);

  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Code::kDataLoss);
  EXPECT_THAT(lost.error().ToString(), HasSubstr("descriptors were lost"));
  EXPECT_EQ(damaged.request_id, 42u);
  EXPECT_TRUE(ReceiveFrame(theirs_.get()));
}

TEST_F(FrameTest, TheEndOfTheConnectionIsToldFromDamage) {
  ours_.Reset();
  auto closed = ReceiveFrame(theirs_.get());
  EXPECT_EQ(closed.error().code, Code::kUnavailable);
  EXPECT_EQ(closed.error().os_errno, 0);
  EXPECT_TRUE(IsPeerGone(SendFrame(theirs_.get(), 1, 1, "").error()));
}

// The kernel tells ECONNRESET first.
TEST_F(FrameTest, WhatAPeerSaidIsReceivedThoughItClosedWithSomethingUnread) {
  ASSERT_TRUE(SendFrame(ours_.get(), 1, 1, "not read"));
  ASSERT_TRUE(SendFrame(theirs_.get(), 7, 1, "the last word"));
  theirs_.Reset();
  auto frame = ReceiveFrame(ours_.get());
  ASSERT_TRUE(frame) << frame.error().ToString();
  EXPECT_EQ(frame->payload, "the last word");
  EXPECT_EQ(ReceiveFrame(ours_.get()).error().code, Code::kUnavailable);
}

TEST_F(FrameTest, AFullSocketIsUnavailable) {
  ASSERT_EQ(fcntl(ours_.get(), F_SETFL, O_NONBLOCK), 0);
  Result<> sent;
  while (sent) sent = SendFrame(ours_.get(), 1, 1, "payload");
  EXPECT_EQ(sent.error().code, Code::kUnavailable);
  EXPECT_EQ(sent.error().os_errno, EAGAIN);
  EXPECT_FALSE(IsPeerGone(sent.error()));
}

// Fixed for ever: the peer may be of another release.
TEST_F(FrameTest, HasTheseBytes) {
  UniqueFd null = OpenNull();
  RoleFd fds[] = {{Role::kFirst, null.get()}, {Role::kSecond, null.get()}};
  ASSERT_TRUE(SendFrame(ours_.get(), 7, 300, "hello", fds));
  EXPECT_EQ(ReceiveBytes(), std::string("\x08\x07\x10\xac\x02\x1a\x02\x02\x03\x22\x05hello", 16));
}

TEST_F(FrameTest, APlainFrameHasNoDescriptorsAndLittlePayload) {
  UniqueFd null = OpenNull();
  std::vector<RoleFd> many(200, RoleFd(Role::kFirst, null.get()));
  int lowest = OpenNull().get();  // the number of the next descriptor
  ASSERT_TRUE(SendFrame(ours_.get(), 7, 3, "plain"));
  ASSERT_TRUE(SendFrame(ours_.get(), 7, 0, "with descriptors", many));
  ASSERT_TRUE(SendFrame(ours_.get(), 7, 0, std::string(kMaxPlainPayload + 100, 'x')));
  ASSERT_TRUE(SendFrame(ours_.get(), 7, 0, std::string(1 << 20, 'x')));  // in a memfd
  SendBytes("\xff\xff");
  ASSERT_TRUE(SendFrame(ours_.get(), 8, 0, ""));
  auto first = ReceivePlainFrame(theirs_.get());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->type, 7U);
  EXPECT_EQ(first->request_id, 3U);
  EXPECT_EQ(first->payload, "plain");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ReceivePlainFrame(theirs_.get()).error().code, Code::kDataLoss);
  EXPECT_FALSE(ReceivePlainFrame(theirs_.get()));
  EXPECT_EQ(ReceivePlainFrame(theirs_.get())->type, 8U);
  EXPECT_EQ(OpenNull().get(), lowest) << "no descriptor has come";
  EXPECT_EQ(ReceivePlainFrame(theirs_.get()).error().os_errno, EAGAIN) << "it never blocks";
  ours_.Reset();
  EXPECT_EQ(ReceivePlainFrame(theirs_.get()).error().os_errno, 0);
}

}  // namespace
}  // namespace davit
