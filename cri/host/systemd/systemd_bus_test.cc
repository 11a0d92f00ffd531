// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/systemd/systemd_bus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "cri/host/systemd/testing/fake_manager.h"

namespace davit::cri {
namespace {

using Reply = FakeManager::Reply;
using std::chrono::milliseconds;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

// Longer than any answer takes on a slow machine.
constexpr milliseconds kLong{60'000};
constexpr milliseconds kShort{300};

SystemdBus::Options To(const FakeManager& manager, milliseconds patience = kLong) {
  SystemdBus::Options options;
  options.addresses = {{manager.address(), /*is_bus=*/false}};
  options.open_patience = kLong;
  options.patience = patience;
  options.less_patience = patience / 10;
  return options;
}

std::unique_ptr<SystemdBus> Open(const FakeManager& manager, milliseconds patience = kLong) {
  auto bus = SystemdBus::Open(To(manager, patience));
  EXPECT_TRUE(bus) << bus.error().ToString();
  return std::move(bus.value());
}

milliseconds TimeOf(const std::function<void()>& work) {
  auto begin = SystemdBus::Clock::now();
  work();
  return std::chrono::duration_cast<milliseconds>(SystemdBus::Clock::now() - begin);
}

TEST(SystemdBusTest, SendsWhatSystemdExpects) {
  FakeManager manager;
  auto bus = Open(manager);
  EXPECT_EQ(bus->version(), 252);
  UnitProperties properties = {
      {"Slice", "a.slice"},
      {"Delegate", true},
      {"PIDs", std::vector<uint32_t>{12}},
      {"MemoryMax", uint64_t{4096}},
      {"TasksMax", UINT64_MAX},
      {"Wants", std::vector<std::string>{"b.slice"}},
      {"AllowedCPUs", std::vector<uint8_t>{5, 1}},
      {"DeviceAllow", UnitProperty::StringPairs{{"/dev/char/1:3", "rwm"}, {"char-*", "m"}}},
  };
  ASSERT_TRUE(bus->StartTransientUnit("x.scope", properties));
  ASSERT_TRUE(bus->SetUnitProperties("x.scope", {{"MemoryMax", uint64_t{1}}}));
  ASSERT_TRUE(bus->StopUnit("x.scope"));
  ASSERT_TRUE(bus->ResetFailedUnit("x.scope"));
  EXPECT_THAT(
      manager.calls(),
      ElementsAre("StartTransientUnit \"x.scope\" \"replace\" [(\"Slice\" s:\"a.slice\") (\"Delegate\" "
                  "b:true) (\"PIDs\" au:[12]) (\"MemoryMax\" t:4096) (\"TasksMax\" t:max) (\"Wants\" "
                  "as:[\"b.slice\"]) (\"AllowedCPUs\" ay:[5 1]) (\"DeviceAllow\" a(ss):[(\"/dev/char/1:3\" "
                  "\"rwm\") (\"char-*\" \"m\")])] []",
                  "SetUnitProperties \"x.scope\" true [(\"MemoryMax\" t:1)]",
                  "StopUnit \"x.scope\" \"replace\"", "ResetFailedUnit \"x.scope\""));
  EXPECT_EQ(manager.connections(), 1);
}

TEST(SystemdBusTest, ErrorsOfSystemdNameMethodUnitAndReason) {
  FakeManager manager;
  auto bus = Open(manager);
  for (const auto& [reply, code] :
       {std::pair(Reply::kUnitExists, Code::kAlreadyExists), std::pair(Reply::kNoSuchUnit, Code::kNotFound),
        std::pair(Reply::kInvalidArgs, Code::kInvalidArgument),
        std::pair(Reply::kJobFails, Code::kFailedPrecondition)}) {
    manager.Plan("StartTransientUnit", {reply});
    Result<> started = bus->StartTransientUnit("x.scope", {});
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, code);
    EXPECT_THAT(started.error().ToString(),
                AllOf(HasSubstr("StartTransientUnit"), HasSubstr("x.scope"),
                      HasSubstr(reply == Reply::kJobFails ? "failed" : "the test wants it")));
  }
}

TEST(SystemdBusTest, WaitsForTheEndOfTheJobWhileOtherCallsGoOn) {
  FakeManager manager;
  auto bus = Open(manager);
  manager.Plan("StartTransientUnit", {Reply::kNoJobEnd});
  std::future<Result<>> slow =
      std::async(std::launch::async, [&bus] { return bus->StartTransientUnit("slow.scope", {}); });
  while (manager.calls().empty()) std::this_thread::yield();
  EXPECT_TRUE(bus->StartTransientUnit("fast.scope", {}));
  EXPECT_TRUE(bus->SetUnitProperties("slow.scope", {}));
  EXPECT_EQ(slow.wait_for(milliseconds(0)), std::future_status::timeout);
  manager.EndJobs();
  EXPECT_TRUE(slow.get());
}

TEST(SystemdBusTest, ManyThreadsShareOneConnection) {
  FakeManager manager;
  auto bus = Open(manager);
  std::vector<std::future<Result<>>> calls;
  for (int i = 0; i < 32; ++i) {
    calls.push_back(std::async(std::launch::async, [&bus, i]() -> Result<> {
      std::string unit = std::to_string(i) + ".scope";
      TRY(bus->StartTransientUnit(unit, {}));
      return bus->StopUnit(unit);
    }));
  }
  for (auto& call : calls) EXPECT_TRUE(call.get());
  EXPECT_THAT(manager.calls(), SizeIs(64));
  EXPECT_EQ(manager.connections(), 1);
}

TEST(SystemdBusTest, ALostConnectionIsMadeAgainAndTheCallRepeated) {
  FakeManager manager;
  auto bus = Open(manager);
  manager.Plan("StartTransientUnit", {Reply::kHangUp, Reply::kUnitExists});
  Result<> started = bus->StartTransientUnit("x.scope", {});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kAlreadyExists) << "the caller looks whose it is";
  EXPECT_EQ(manager.connections(), 2);

  manager.Plan("StopUnit", {Reply::kHangUp, Reply::kHangUp, Reply::kHangUp});
  EXPECT_TRUE(bus->StopUnit("x.scope"));
  EXPECT_EQ(manager.connections(), 5);
}

TEST(SystemdBusTest, WaitsForASystemdThatRestarts) {
  FakeManager manager;
  auto bus = Open(manager);
  manager.Plan("StopUnit", {Reply::kNoJobEnd});
  std::future<Result<>> stopped = std::async(std::launch::async, [&bus] { return bus->StopUnit("x.scope"); });
  while (manager.calls().empty()) std::this_thread::yield();
  manager.Shut();
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_EQ(stopped.wait_for(milliseconds(0)), std::future_status::timeout);
  manager.Listen();
  EXPECT_TRUE(stopped.get());
  EXPECT_EQ(manager.connections(), 2);
}

TEST(SystemdBusTest, WaitsUntilSystemdIsBackOnARestartedBus) {
  FakeManager manager;
  auto bus = Open(manager);
  manager.Plan("SetUnitProperties", {Reply::kServiceUnknown, Reply::kServiceUnknown});
  EXPECT_TRUE(bus->SetUnitProperties("x.scope", {}));
  EXPECT_THAT(manager.calls(), SizeIs(3));
}

TEST(SystemdBusTest, ASystemdThatDoesNotAnswerCostsALimitedTime) {
  FakeManager manager;
  auto bus = Open(manager, kShort);
  manager.Plan("StartTransientUnit", {Reply::kSilence, Reply::kNoJobEnd});
  for (milliseconds patience : {kShort, kShort / 10}) {
    Result<> started;
    milliseconds took = TimeOf([&] { started = bus->StartTransientUnit("x.scope", {}); });
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, Code::kDeadlineExceeded);
    EXPECT_THAT(started.error().ToString(),
                AllOf(HasSubstr("x.scope"), HasSubstr(std::to_string(patience.count()) + " ms")));
    EXPECT_GE(took, patience);
  }
}

TEST(SystemdBusTest, OneThatAnswersAgainIsWaitedForAsBefore) {
  FakeManager manager;
  auto bus = Open(manager, kShort);
  manager.Plan("StopUnit", {Reply::kSilence, Reply::kSilence});
  EXPECT_FALSE(bus->StopUnit("x.scope"));
  // Its answer counts, also when nobody waits for it any more.
  while (!bus->SetUnitProperties("x.scope", {})) {
  }
  EXPECT_GE(TimeOf([&] { EXPECT_FALSE(bus->StopUnit("x.scope")); }), kShort);
}

TEST(SystemdBusTest, AnAbsentSystemdIsNamedInTime) {
  FakeManager manager;
  SystemdBus::Options options = To(manager);
  options.open_patience = milliseconds(2'000);
  manager.Shut();
  auto bus = SystemdBus::Open(options);
  ASSERT_FALSE(bus);
  EXPECT_EQ(bus.error().code, Code::kUnavailable);
  EXPECT_THAT(bus.error().ToString(), HasSubstr(manager.address()));
}

TEST(SystemdBusTest, TakesTheNextAddressIfOneDoesNotAccept) {
  FakeManager manager;
  SystemdBus::Options options = To(manager);
  options.addresses.insert(options.addresses.begin(), {"unix:path=/no/such/socket", false});
  auto bus = SystemdBus::Open(options);
  ASSERT_TRUE(bus) << bus.error().ToString();
  EXPECT_TRUE((*bus)->StopUnit("x.scope"));
}

class SystemdOnABusTest : public testing::Test {
 protected:
  SystemdOnABusTest() {
    SystemdBus::Options options = To(manager_);
    options.addresses.front().is_bus = true;
    bus_ = SystemdBus::Open(std::move(options)).value();
  }

  FakeManager manager_{"252", /*is_bus=*/true};
  std::unique_ptr<SystemdBus> bus_;
};

TEST_F(SystemdOnABusTest, SubscribesAndWaitsForJobs) {
  ASSERT_TRUE(bus_->StartTransientUnit("x.scope", {}));
  ASSERT_TRUE(bus_->StopUnit("x.scope"));
  EXPECT_THAT(manager_.calls(),
              ElementsAre(HasSubstr("Subscribe"), HasSubstr("StartTransientUnit"), HasSubstr("StopUnit")));
  EXPECT_EQ(manager_.connections(), 1);
}

TEST_F(SystemdOnABusTest, TheEndOfAJobIsSystemdsToSay) {
  manager_.Plan("StopUnit", {Reply::kNoJobEnd});
  auto stopped = std::async(std::launch::async, [this] { return bus_->StopUnit("x.scope"); });
  while (manager_.calls().size() < 2) std::this_thread::yield();
  manager_.PretendThatJobsEnd();
  ASSERT_TRUE(bus_->ResetFailedUnit("x.scope")) << "its answer follows the signal";
  EXPECT_EQ(stopped.wait_for(milliseconds(0)), std::future_status::timeout);
  manager_.EndJobs();
  EXPECT_TRUE(stopped.get());
}

// The end of the job would come under another name.
TEST_F(SystemdOnABusTest, ASystemdThatHasExecutedItselfAnewIsAskedAgain) {
  manager_.Plan("StopUnit", {Reply::kNoJobEnd});
  auto stopped = std::async(std::launch::async, [this] { return bus_->StopUnit("x.scope"); });
  while (manager_.calls().size() < 2) std::this_thread::yield();
  manager_.Reexecute();
  EXPECT_TRUE(stopped.get());
  EXPECT_EQ(manager_.connections(), 2);
}

TEST_F(SystemdOnABusTest, ASystemdThatComesLaterIsSubscribedTo) {
  manager_.Plan("SetUnitProperties", {Reply::kServiceUnknown});
  EXPECT_TRUE(bus_->SetUnitProperties("x.scope", {})) << "it is asked until it is there";
  manager_.Appear();
  EXPECT_TRUE(bus_->SetUnitProperties("x.scope", {}));
  EXPECT_THAT(manager_.calls(), testing::Contains(HasSubstr("Subscribe")).Times(2));
}

TEST(SystemdBusTest, AnOldSystemdIsRefused) {
  FakeManager manager("v243");
  auto bus = SystemdBus::Open(To(manager));
  ASSERT_FALSE(bus);
  EXPECT_THAT(bus.error().ToString(), AllOf(HasSubstr("v243"), HasSubstr("244")));
}

}  // namespace
}  // namespace davit::cri
