// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/systemd/testing/fake_manager.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "cri/host/systemd/bus_message.h"

namespace davit::cri {
namespace {

std::string ReadValues(sd_bus_message* message);

std::string ReadContainer(sd_bus_message* message, char type, const char* contents) {
  sd_bus_message_enter_container(message, type, contents);
  std::string inside = ReadValues(message);
  sd_bus_message_exit_container(message);
  switch (type) {
    case 'a':
      return "[" + inside + "]";
    case 'v':
      return std::string(contents) + ":" + inside;
    default:
      return "(" + inside + ")";
  }
}

std::string ReadBasic(sd_bus_message* message, char type) {
  union {
    uint8_t byte;
    int boolean;
    uint32_t u32;
    uint64_t u64;
    const char* string;
  } value{};
  sd_bus_message_read_basic(message, type, &value);
  switch (type) {
    case 'b':
      return value.boolean != 0 ? "true" : "false";
    case 'y':
      return std::to_string(value.byte);
    case 'u':
      return std::to_string(value.u32);
    case 't':
      return value.u64 == UINT64_MAX ? "max" : std::to_string(value.u64);
    case 's':
      return '"' + std::string(value.string) + '"';
    default:
      return "?";
  }
}

// All values up to the end of the message or container, separated by spaces.
std::string ReadValues(sd_bus_message* message) {
  std::string text;
  while (sd_bus_message_at_end(message, /*complete=*/0) == 0) {
    char type = 0;
    const char* contents = nullptr;
    if (sd_bus_message_peek_type(message, &type, &contents) <= 0) break;
    if (!text.empty()) text += ' ';
    text += contents != nullptr ? ReadContainer(message, type, contents) : ReadBasic(message, type);
  }
  return text;
}

constexpr char kBusName[] = "org.freedesktop.DBus";

void ReplyError(sd_bus_message* call, const char* name) {
  sd_bus_reply_method_errorf(call, name, "the test wants it");
}

// As a bus daemon delivers it.
template <typename... Values>
void EmitSignal(sd_bus* bus, const std::string& sender, const char* path, const char* interface,
                const char* member, const char* types, Values... values) {
  sd_bus_message* made = nullptr;
  sd_bus_message_new_signal(bus, &made, path, interface, member);
  BusMessage signal(made);
  sd_bus_message_append(made, types, values...);
  if (!sender.empty()) sd_bus_message_set_sender(made, sender.c_str());
  sd_bus_send(bus, made, nullptr);
}

}  // namespace

FakeManager::FakeManager(std::string version, bool is_bus) : version_(std::move(version)), is_bus_(is_bus) {
  if (!is_bus_) name_.clear();
  char directory[] = "/tmp/davit-systemd-test-XXXXXX";
  directory_ = mkdtemp(directory);
  path_ = directory_ + "/private";
  wake_.Reset(eventfd(0, EFD_CLOEXEC));
  thread_ = std::thread(&FakeManager::Loop, this);
  Listen();
}

FakeManager::~FakeManager() {
  Do([this] {
    MutexLock lock(mutex_);
    stopping_ = true;
  });
  thread_.join();
  std::filesystem::remove_all(directory_);
}

template <typename Work>
void FakeManager::Do(Work work) {
  MutexLock lock(mutex_);
  work_ = work;
  eventfd_write(wake_.get(), 1);
  while (work_) changed_.Wait(mutex_);
}

void FakeManager::Plan(const std::string& method, std::deque<Reply> replies) {
  MutexLock lock(mutex_);
  plans_[method] = std::move(replies);
}

void FakeManager::EndJobs() {
  Do([this] {
    for (const Job& job : std::exchange(open_jobs_, {})) SendJobRemoved(job, "done", name_);
  });
}

void FakeManager::PretendThatJobsEnd() {
  Do([this] {
    for (const Job& job : open_jobs_) SendJobRemoved(job, "done", ":1.99");
  });
}

void FakeManager::ChangeOwner(bool was_there) {
  Do([this, was_there] {
    const std::string before = was_there ? name_ : "";
    name_ = ":1.1";
    open_jobs_.clear();
    for (const Bus& bus : buses_) {
      EmitSignal(bus.get(), kBusName, "/org/freedesktop/DBus", kBusName, "NameOwnerChanged", "sss",
                 kSystemdName, before.c_str(), name_.c_str());
    }
  });
}

void FakeManager::Shut() {
  Do([this] {
    unlink(path_.c_str());
    listener_.Reset();
    open_jobs_.clear();
    buses_.clear();
  });
}

void FakeManager::Listen() {
  Do([this] {
    UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    listen(listener.get(), 8);
    listener_ = std::move(listener);
  });
}

std::vector<std::string> FakeManager::calls() const {
  MutexLock lock(mutex_);
  return calls_;
}

int FakeManager::connections() const {
  MutexLock lock(mutex_);
  return connections_;
}

void FakeManager::Loop() {
  while (true) {
    std::vector<pollfd> waits = {{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    for (const Bus& bus : buses_)
      waits.push_back({sd_bus_get_fd(bus.get()), static_cast<short>(sd_bus_get_events(bus.get())), 0});
    poll(waits.data(), waits.size(), -1);
    if (waits[1].revents != 0) Accept();
    Serve();
    std::function<void()> work;
    {
      MutexLock lock(mutex_);
      work = work_;
    }
    if (!work) continue;
    eventfd_t woken = 0;
    eventfd_read(wake_.get(), &woken);
    work();
    MutexLock lock(mutex_);
    work_ = nullptr;
    changed_.NotifyAll();
    if (stopping_) return;
  }
}

void FakeManager::Accept() {
  int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  sd_bus* made = nullptr;
  sd_id128_t id{};
  sd_id128_randomize(&id);
  sd_bus_new(&made);
  sd_bus_set_fd(made, fd, fd);
  sd_bus_set_server(made, 1, id);
  sd_bus_set_trusted(made, 1);
  auto handle = [](sd_bus_message* call, void* self, sd_bus_error*) {
    return static_cast<FakeManager*>(self)->Handle(call);
  };
  auto handle_as_bus = [](sd_bus_message* call, void* self, sd_bus_error*) {
    return static_cast<FakeManager*>(self)->HandleAsBus(call);
  };
  if (is_bus_) sd_bus_add_filter(made, nullptr, handle_as_bus, this);
  sd_bus_add_object(made, nullptr, kSystemdPath, handle, this);
  sd_bus_start(made);
  buses_.emplace_back(made);
  MutexLock lock(mutex_);
  ++connections_;
}

void FakeManager::Serve() {
  std::erase_if(buses_, [this](const Bus& bus) {
    while (sd_bus_process(bus.get(), nullptr) > 0) {
    }
    bool ended = sd_bus_is_open(bus.get()) <= 0 || hung_up_ == bus.get();
    if (ended) std::erase_if(open_jobs_, [&bus](const Job& job) { return job.bus == bus.get(); });
    return ended;
  });
  hung_up_ = nullptr;
}

int FakeManager::Handle(sd_bus_message* call) {
  std::string method = sd_bus_message_get_member(call);
  if (method == "Get")
    Respond(call, "v", "s", version_.c_str());
  else
    Answer(call, Next(method, method + " " + ReadValues(call)));
  return 1;  // handled
}

int FakeManager::HandleAsBus(sd_bus_message* call) {
  const char* destination = sd_bus_message_get_destination(call);
  if (destination == nullptr || std::string_view(destination) != kBusName) return 0;
  if (sd_bus_message_is_method_call(call, kBusName, "Hello") > 0)
    sd_bus_reply_method_return(call, "s", ":1.7");
  else
    sd_bus_reply_method_return(call, "");
  return 1;  // handled
}

template <typename... Values>
void FakeManager::Respond(sd_bus_message* call, const char* types, Values... values) {
  sd_bus_message* made = nullptr;
  sd_bus_message_new_method_return(call, &made);
  BusMessage reply(made);
  sd_bus_message_append(made, types, values...);
  if (!name_.empty()) sd_bus_message_set_sender(made, name_.c_str());
  sd_bus_send(sd_bus_message_get_bus(call), made, nullptr);
}

FakeManager::Reply FakeManager::Next(const std::string& method, std::string call) {
  MutexLock lock(mutex_);
  calls_.push_back(std::move(call));
  std::deque<Reply>& planned = plans_[method];
  if (planned.empty()) return Reply::kDone;
  Reply reply = planned.front();
  planned.pop_front();
  return reply;
}

void FakeManager::Answer(sd_bus_message* call, Reply reply) {
  switch (reply) {
    case Reply::kUnitExists:
      return ReplyError(call, "org.freedesktop.systemd1.UnitExists");
    case Reply::kNoSuchUnit:
      return ReplyError(call, "org.freedesktop.systemd1.NoSuchUnit");
    case Reply::kInvalidArgs:
      return ReplyError(call, "org.freedesktop.DBus.Error.InvalidArgs");
    case Reply::kServiceUnknown:
      return ReplyError(call, "org.freedesktop.DBus.Error.ServiceUnknown");
    case Reply::kSilence:
      return;
    case Reply::kHangUp:
      hung_up_ = sd_bus_message_get_bus(call);
      return;
    default:
      return AnswerJob(call, reply);
  }
}

void FakeManager::AnswerJob(sd_bus_message* call, Reply reply) {
  std::string method = sd_bus_message_get_member(call);
  if (method != "StartTransientUnit" && method != "StopUnit") {
    Respond(call, "");
    return;
  }
  const char* unit = nullptr;
  sd_bus_message_rewind(call, 1);
  sd_bus_message_read_basic(call, 's', &unit);
  sd_bus* bus = sd_bus_message_get_bus(call);
  Job job{bus, "/org/freedesktop/systemd1/job/" + std::to_string(next_job_++), unit};
  // That of another client, with a failure.
  SendJobRemoved({bus, "/org/freedesktop/systemd1/job/0", unit}, "failed", name_);
  Respond(call, "o", job.path.c_str());
  if (reply == Reply::kNoJobEnd)
    open_jobs_.push_back(job);
  else
    SendJobRemoved(job, reply == Reply::kJobFails ? "failed" : "done", name_);
}

void FakeManager::SendJobRemoved(const Job& job, const char* result, const std::string& sender) {
  EmitSignal(job.bus, sender, kSystemdPath, kManagerInterface, "JobRemoved", "uoss", uint32_t{1},
             job.path.c_str(), job.unit.c_str(), result);
}

}  // namespace davit::cri
