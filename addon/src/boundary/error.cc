#include "boundary/error.h"

#include <new>

#include "core/native_error.h"

namespace smartadm {

Napi::Value ToJsError(Napi::Env env, std::exception_ptr failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Napi::Error& error) {
    return error.Value();
  } catch (const NativeError& error) {
    const Napi::Error result = Napi::Error::New(env, error.what());
    result.Set("code", error.code());
    result.Set("errno", Napi::Number::New(env, error.error_number()));
    result.Set("library", error.library());
    result.Set("operation", error.operation());
    return result.Value();
  } catch (const std::bad_alloc&) {
    const Napi::Error result = Napi::Error::New(env, "out of memory");
    result.Set("code", "ENOMEM");
    return result.Value();
  } catch (const std::exception& error) {
    return Napi::Error::New(env, error.what()).Value();
  } catch (...) {
    return Napi::Error::New(env, "a native exception of unknown type").Value();
  }
}

}  // namespace smartadm
