// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Without exceptions: what the standard library would throw ends the process, and the machinery for throwing,
// half the size of the program otherwise, is not linked. The names are those that libstdc++'s headers call
// (bits/functexcept.h).
#include <cstdlib>
#include <memory>
#include <new>

namespace std {

void __throw_bad_alloc() {
  abort();
}
void __throw_bad_array_new_length() {
  abort();
}
void __throw_bad_cast() {
  abort();
}
void __throw_bad_function_call() {
  abort();
}
void __throw_length_error(const char*) {
  abort();
}
void __throw_logic_error(const char*) {
  abort();
}
void __throw_out_of_range(const char*) {
  abort();
}
void __throw_out_of_range_fmt(const char*, ...) {
  abort();
}

// make_shared asks whether a tag that came from elsewhere, where RTTI is on, is its own: there is no
// elsewhere here.
bool _Sp_make_shared_tag::_S_eq(const type_info&) noexcept {
  return false;
}

}  // namespace std

void* operator new(size_t size) {
  void* memory = malloc(size);
  if (memory == nullptr) abort();
  return memory;
}
void* operator new[](size_t size) {
  return operator new(size);
}
void operator delete(void* memory) noexcept {
  free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  free(memory);
}
void operator delete[](void* memory) noexcept {
  free(memory);
}
void operator delete[](void* memory, size_t) noexcept {
  free(memory);
}
