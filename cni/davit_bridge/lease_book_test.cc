// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/lease_book.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

namespace davit::cni {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

IpAddress Address(const std::string& text) {
  return IpAddress::Parse(text).value();
}

class LeaseBookTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "davit-leases-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  LeaseBook Open() const { return LeaseBook::Open(dir_ + "/data", "pods").value(); }

  std::string dir_;
  const Lease one_{{"one", "eth0"}, {Address("10.1.0.2"), Address("fd00::2")}};
  const Lease odd_{{"one", "a,b+c"}, {}};
};

TEST_F(LeaseBookTest, AnotherProcessFindsWhatWasPut) {
  for (const Lease& lease : {one_, odd_}) ASSERT_TRUE(Open().Put(lease, "[]"));
  LeaseBook book = Open();
  EXPECT_EQ(book.leases().size(), 2u);
  ASSERT_NE(book.Find(one_.name), nullptr);
  EXPECT_THAT(book.Find(one_.name)->addresses, ElementsAre(Address("10.1.0.2"), Address("fd00::2")));
  ASSERT_NE(book.Find(odd_.name), nullptr);
  EXPECT_THAT(book.Find(odd_.name)->addresses, IsEmpty());
  EXPECT_EQ(book.HolderOf(Address("fd00::2"))->Key(), "one");
  EXPECT_EQ(book.HolderOf(Address("fd00::3")), nullptr);
  EXPECT_EQ(book.PortsOf(one_).value(), "[]");
}

TEST_F(LeaseBookTest, RemovesALeaseAndForgetsNoOther) {
  for (const Lease& lease : {one_, odd_}) ASSERT_TRUE(Open().Put(lease, ""));
  LeaseBook book = Open();
  EXPECT_TRUE(book.Remove(one_.name));
  EXPECT_TRUE(book.Remove(one_.name));
  EXPECT_EQ(book.Find(one_.name), nullptr);
  EXPECT_NE(book.Find(odd_.name), nullptr);
}

TEST_F(LeaseBookTest, ForgetsThePortsOfALeaseOnly) {
  for (const Lease& lease : {one_, odd_}) ASSERT_TRUE(Open().Put(lease, "[]"));
  EXPECT_TRUE(Open().ForgetPorts(one_.name));
  EXPECT_TRUE(Open().ForgetPorts({"two", "eth0"}));
  LeaseBook book = Open();
  EXPECT_EQ(book.leases().size(), 2u);
  EXPECT_EQ(book.PortsOf(one_).value(), "");
  EXPECT_EQ(book.PortsOf(odd_).value(), "[]");
}

TEST_F(LeaseBookTest, AnAttachmentHasOneLease) {
  LeaseBook book = Open();
  ASSERT_TRUE(book.Put(one_, ""));
  Result<> again = book.Put({one_.name, {Address("10.1.0.9")}}, "");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kAlreadyExists);
}

TEST_F(LeaseBookTest, FilesThatAreNoLeasesAreIgnored) {
  ASSERT_TRUE(Open().Put(one_, ""));
  for (const char* name : {".10.1.0.3,two,eth0.tmp", "notes", "10.1.0,two,eth0", "10.1.0.4+x,two,eth0"})
    std::ofstream(dir_ + "/data/pods/leases/" + name) << "x";
  EXPECT_EQ(Open().leases().size(), 1u);
}

TEST_F(LeaseBookTest, WhatAKilledProcessWasWritingGoes) {
  ASSERT_TRUE(Open().Put(one_, ""));
  const std::string half = dir_ + "/data/pods/leases/.10.1.0.3,two,eth0.tmp";
  std::ofstream(half) << "x";
  EXPECT_EQ(Open().leases().size(), 1u);
  EXPECT_FALSE(std::filesystem::exists(half));
}

TEST_F(LeaseBookTest, NotesAndLeasesOfAnEarlierBootAreDiscarded) {
  {
    LeaseBook book = Open();
    ASSERT_TRUE(book.Put(one_, ""));
    ASSERT_TRUE(book.WriteNote(LeaseBook::Note::kLast, "10.1.0.2"));
  }
  EXPECT_EQ(Open().ReadNote(LeaseBook::Note::kLast).value(), "10.1.0.2");
  std::ofstream(dir_ + "/data/pods/boot") << "another";
  LeaseBook book = Open();
  EXPECT_THAT(book.leases(), IsEmpty());
  EXPECT_EQ(book.ReadNote(LeaseBook::Note::kLast).value(), "");
}

TEST_F(LeaseBookTest, ABootNoteThatCannotBeReadIsNoEarlierBoot) {
  ASSERT_TRUE(Open().Put(one_, ""));
  std::filesystem::rename(dir_ + "/data/pods/boot", dir_ + "/boot");
  std::filesystem::create_directory(dir_ + "/data/pods/boot");
  EXPECT_FALSE(LeaseBook::Open(dir_ + "/data", "pods"));
  std::filesystem::remove(dir_ + "/data/pods/boot");
  std::filesystem::rename(dir_ + "/boot", dir_ + "/data/pods/boot");
  EXPECT_NE(Open().Find(one_.name), nullptr);
}

// A data directory may be that of host-local.
TEST_F(LeaseBookTest, FilesOfOtherPluginsStay) {
  ASSERT_TRUE(Open().Put(one_, ""));
  const std::string theirs[] = {dir_ + "/data/pods/10.1.0.9", dir_ + "/data/pods/last_reserved_ip.0",
                                dir_ + "/data/pods/leases/notes"};
  for (const std::string& name : theirs) std::ofstream(name) << "x";
  std::ofstream(dir_ + "/data/pods/boot") << "another";
  EXPECT_THAT(Open().leases(), IsEmpty());
  for (const std::string& name : theirs) EXPECT_TRUE(std::filesystem::exists(name)) << name;
}

TEST_F(LeaseBookTest, IsPrivateAndOpenInOneProcessAtATime) {
  auto book = std::make_unique<LeaseBook>(Open());
  struct stat status{};
  ASSERT_EQ(stat((dir_ + "/data/pods").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  std::atomic<bool> opened = false;
  std::thread other([&] {
    LeaseBook waiting = Open();
    opened = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(opened);
  book.reset();
  other.join();
  EXPECT_TRUE(opened);
}

TEST_F(LeaseBookTest, SaysWhereItCannotBe) {
  std::ofstream(dir_ + "/file") << "x";
  Result<LeaseBook> book = LeaseBook::Open(dir_ + "/file/data", "pods");
  ASSERT_FALSE(book);
  EXPECT_THAT(book.error().ToString(), HasSubstr(dir_ + "/file/data"));
}

}  // namespace
}  // namespace davit::cni
