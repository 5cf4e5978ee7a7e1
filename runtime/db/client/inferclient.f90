! inferclient: talk to an inference database (Redis with the module inferdb, or RedisAI) from Fortran 2018.
!
!     use inferclient
!     type(inference_client) :: client
!     if (client%connect() /= INFER_OK) error stop client%message()      ! the address is in SSDB
!     code = client%put_tensor("x", image)                               ! real32, real64, int32, int64; any rank
!     code = client%run_model("resnet50", ["x"], ["y"])
!     code = client%get_tensor("y", scores)
!
! Every function returns INFER_OK (0) or what went wrong; message() then has the sentence. Nothing waits for ever.
! Trailing blanks of keys and names do not count.
!
! The order of dimensions: an array is sent as it lies in memory. Fortran's first index runs fastest, a tensor's last one
! does, so an array of shape (224,224,3,1) is the tensor 1x3x224x224: the shape is reversed and nothing is transposed.
!
! A client is one connection, for one thread at a time; it is closed when it goes out of scope, so do not copy one.
module inferclient
   use, intrinsic :: iso_c_binding
   use, intrinsic :: iso_fortran_env, only: int32, int64, real32, real64
   implicit none
   private

   integer, parameter, public :: INFER_OK = 0, INFER_USAGE = 1, INFER_CONNECTION = 2, INFER_TIMEOUT = 3, &
                                 INFER_SERVER = 4, INFER_MISMATCH = 5

   type, public :: inference_client
      private
      type(c_ptr) :: handle = c_null_ptr
   contains
      procedure :: connect, message, ping
      procedure :: tensor_exists, delete_tensor, delete_tensors
      procedure :: model_exists, delete_model, set_model_from_file, run_model
      procedure :: set_script, set_script_from_file, get_script, script_exists, delete_script, run_script
      procedure :: run => run_dag
      generic :: put_tensor => put_real32, put_real64, put_int32, put_int64
      generic :: get_tensor => get_real32, get_real64, get_int32, get_int64
      generic :: reserve_tensor => reserve_real32, reserve_real64
      generic :: commit_tensor => commit_real32, commit_real64
      generic :: discard_tensor => discard_real32, discard_real64
      generic :: infer => infer_real32, infer_real64
      procedure, private :: put_real32, put_real64, put_int32, put_int64
      procedure, private :: get_real32, get_real64, get_int32, get_int64
      procedure, private :: reserve_real32, reserve_real64, commit_real32, commit_real64
      procedure, private :: discard_real32, discard_real64
      procedure, private :: infer_real32, infer_real64
      final :: close_client
   end type

   ! Several steps in one round trip:
   !     type(inference_dag) :: dag
   !     call dag%put_tensor("x", image); call dag%run_model("resnet50", ["x"], ["y"]); call dag%get_tensor("y", scores)
   !     code = client%run(dag)
   ! Tensors that steps pass on leave nothing in the database, except those that persist names; load brings tensors from
   ! there. A mistake in a step is told by run, which may be called again and again: arrays are referred to, so they must
   ! be contiguous, have the target attribute and last as long. Do not copy one.
   type, public :: inference_dag
      private
      type(c_ptr) :: handle = c_null_ptr
   contains
      procedure :: load => dag_load, persist => dag_persist
      procedure :: run_model => dag_run_model, run_script => dag_run_script
      generic :: put_tensor => dag_put_real32, dag_put_real64, dag_put_int32, dag_put_int64
      generic :: get_tensor => dag_get_real32, dag_get_real64, dag_get_int32, dag_get_int64
      procedure, private :: dag_put_real32, dag_put_real64, dag_put_int32, dag_put_int64
      procedure, private :: dag_get_real32, dag_get_real64, dag_get_int32, dag_get_int64
      final :: close_dag
   end type

   integer(c_int), parameter :: FLOAT32 = 0, FLOAT64 = 1, CINT32 = 4, CINT64 = 5

   include "inferclient_c.inc"

contains

   ! Without `endpoint`: the address in the environment variable SSDB. `timeout_ms`: limit of every call, 60 s when absent.
   integer function connect(self, endpoint, timeout_ms) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in), optional :: endpoint
      integer, intent(in), optional :: timeout_ms
      character(kind=c_char, len=:), allocatable, target :: address
      type(c_ptr) :: where_to
      call c_free(self%handle)
      where_to = c_null_ptr
      if (present(endpoint)) then
         address = trim(endpoint)//c_null_char
         where_to = c_loc(address)
      end if
      code = c_connect(self%handle, where_to, limit_of(timeout_ms))
   end function

   ! What went wrong in the last call; empty when nothing did.
   function message(self) result(text)
      class(inference_client), intent(in) :: self
      character(len=:), allocatable :: text
      type(c_ptr) :: address
      address = c_error(self%handle)
      block
         character(kind=c_char, len=c_strlen(address)), pointer :: bytes
         call c_f_pointer(address, bytes)
         text = bytes
      end block
   end function

   integer function ping(self) result(code)
      class(inference_client), intent(inout) :: self
      code = c_ping(self%handle)
   end function

   integer function tensor_exists(self, key, exists) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: key
      logical, intent(out) :: exists
      character(kind=c_char, len=:), allocatable, target :: name
      integer(c_int) :: flag
      name = trim(key)//c_null_char
      flag = 0
      code = c_tensor_exists(self%handle, c_loc(name), flag)
      exists = flag /= 0
   end function

   integer function model_exists(self, model, exists) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: model
      logical, intent(out) :: exists
      code = self%tensor_exists(model, exists)
   end function

   integer function delete_tensor(self, key) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: key
      character(kind=c_char, len=:), allocatable, target :: name
      name = trim(key)//c_null_char
      code = c_delete_tensor(self%handle, c_loc(name))
   end function

   integer function delete_model(self, model) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: model
      character(kind=c_char, len=:), allocatable, target :: name
      name = trim(model)//c_null_char
      code = c_delete_model(self%handle, c_loc(name))
   end function

   ! Store a TorchScript file. `device`: CPU (when absent), GPU or GPU:n. `batch_size`: run requests together, up to so many.
   integer function set_model_from_file(self, model, path, device, batch_size) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: model, path
      character(len=*), intent(in), optional :: device
      integer, intent(in), optional :: batch_size
      character(kind=c_char, len=:), allocatable, target :: name, file, on_device
      integer(c_int) :: batch
      name = trim(model)//c_null_char
      file = trim(path)//c_null_char
      on_device = "CPU"//c_null_char
      if (present(device)) on_device = trim(device)//c_null_char
      batch = 0
      if (present(batch_size)) batch = int(batch_size, c_int)
      code = c_store(self%handle, c_loc(name), c_loc(file), c_loc(on_device), batch)
   end function

   ! Run a model on tensors in the database; its outputs stay there.
   integer function run_model(self, model, inputs, outputs, timeout_ms) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: model, inputs(:), outputs(:)
      integer, intent(in), optional :: timeout_ms
      character(kind=c_char, len=:), allocatable, target :: name
      character(kind=c_char, len=len(inputs) + 1), target :: in_names(size(inputs))
      character(kind=c_char, len=len(outputs) + 1), target :: out_names(size(outputs))
      type(c_ptr) :: in_list(size(inputs)), out_list(size(outputs))
      name = trim(model)//c_null_char
      call make_list(inputs, in_names, in_list)
      call make_list(outputs, out_names, out_list)
      code = c_run(self%handle, c_loc(name), in_list, size(inputs, kind=c_int), out_list, &
                   size(outputs, kind=c_int), limit_of(timeout_ms))
   end function

   integer function put_real32(self, key, values) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: key
      real(real32), intent(in), contiguous, target :: values(..)
      code = put(self, key, FLOAT32, shape(values, kind=c_int64_t), c_loc(values))
   end function

   integer function put_real64(self, key, values) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: key
      real(real64), intent(in), contiguous, target :: values(..)
      code = put(self, key, FLOAT64, shape(values, kind=c_int64_t), c_loc(values))
   end function

   integer function put_int32(self, key, values) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: key
      integer(int32), intent(in), contiguous, target :: values(..)
      code = put(self, key, CINT32, shape(values, kind=c_int64_t), c_loc(values))
   end function

   integer function put_int64(self, key, values) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: key
      integer(int64), intent(in), contiguous, target :: values(..)
      code = put(self, key, CINT64, shape(values, kind=c_int64_t), c_loc(values))
   end function

   ! Fetch a tensor into an array that has its type and as many elements; on failure the array is left as it was.
   integer function get_real32(self, key, values) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: key
      real(real32), intent(inout), contiguous, target :: values(..)
      code = get(self, key, FLOAT32, c_loc(values), 4*size(values, kind=c_size_t))
   end function

   integer function get_real64(self, key, values) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: key
      real(real64), intent(inout), contiguous, target :: values(..)
      code = get(self, key, FLOAT64, c_loc(values), 8*size(values, kind=c_size_t))
   end function

   integer function get_int32(self, key, values) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: key
      integer(int32), intent(inout), contiguous, target :: values(..)
      code = get(self, key, CINT32, c_loc(values), 4*size(values, kind=c_size_t))
   end function

   integer function get_int64(self, key, values) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: key
      integer(int64), intent(inout), contiguous, target :: values(..)
      code = get(self, key, CINT64, c_loc(values), 8*size(values, kind=c_size_t))
   end function

   include 'inferclient_reserve.inc'

   ! put_tensor, run_model and get_tensor in one round trip.
   integer function infer_real32(self, model, input_key, input, output_key, output, timeout_ms) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: model, input_key, output_key
      real(real32), intent(in), contiguous, target :: input(..)
      real(real32), intent(inout), contiguous, target :: output(..)
      integer, intent(in), optional :: timeout_ms
      code = infer_any(self, model, input_key, output_key, FLOAT32, shape(input, kind=c_int64_t), c_loc(input), &
                       c_loc(output), 4*size(output, kind=c_size_t), timeout_ms)
   end function

   integer function infer_real64(self, model, input_key, input, output_key, output, timeout_ms) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: model, input_key, output_key
      real(real64), intent(in), contiguous, target :: input(..)
      real(real64), intent(inout), contiguous, target :: output(..)
      integer, intent(in), optional :: timeout_ms
      code = infer_any(self, model, input_key, output_key, FLOAT64, shape(input, kind=c_int64_t), c_loc(input), &
                       c_loc(output), 8*size(output, kind=c_size_t), timeout_ms)
   end function

   integer function put(self, key, type, extents, data) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: key
      integer(c_int), intent(in) :: type
      integer(c_int64_t), intent(in) :: extents(:)
      type(c_ptr), intent(in) :: data
      character(kind=c_char, len=:), allocatable, target :: name
      integer(c_int64_t), target :: reversed(max(1, size(extents)))
      name = trim(key)//c_null_char
      call reverse(extents, reversed)
      code = c_put(self%handle, c_tensor(c_loc(name), type, size(reversed, kind=c_int), c_loc(reversed), data))
   end function

   integer function get(self, key, type, data, bytes) result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: key
      integer(c_int), intent(in) :: type
      type(c_ptr), intent(in) :: data
      integer(c_size_t), intent(in) :: bytes
      character(kind=c_char, len=:), allocatable, target :: name
      name = trim(key)//c_null_char
      code = c_get(self%handle, c_loc(name), type, data, bytes)
   end function

   integer function infer_any(self, model, input_key, output_key, type, extents, input, output, bytes, timeout_ms) &
      result(code)
      class(inference_client), intent(inout) :: self
      character(len=*), intent(in) :: model, input_key, output_key
      integer(c_int), intent(in) :: type
      integer(c_int64_t), intent(in) :: extents(:)
      type(c_ptr), intent(in) :: input, output
      integer(c_size_t), intent(in) :: bytes
      integer, intent(in), optional :: timeout_ms
      character(kind=c_char, len=:), allocatable, target :: name, in_name, out_name
      integer(c_int64_t), target :: reversed(max(1, size(extents)))
      name = trim(model)//c_null_char
      in_name = trim(input_key)//c_null_char
      out_name = trim(output_key)//c_null_char
      call reverse(extents, reversed)
      code = c_infer(self%handle, c_loc(name), &
                     c_tensor(c_loc(in_name), type, size(reversed, kind=c_int), c_loc(reversed), input), &
                     c_loc(out_name), type, output, bytes, limit_of(timeout_ms))
   end function

   integer(c_int) function limit_of(timeout_ms)
      integer, intent(in), optional :: timeout_ms
      limit_of = 0
      if (present(timeout_ms)) limit_of = int(timeout_ms, c_int)
   end function

   ! Names as C strings, and the list of their addresses.
   subroutine make_list(names, texts, list)
      character(len=*), intent(in) :: names(:)
      character(kind=c_char, len=*), intent(out), target :: texts(:)
      type(c_ptr), intent(out) :: list(:)
      integer :: i
      do i = 1, size(names)
         texts(i) = trim(names(i))//c_null_char
         list(i) = c_loc(texts(i))
      end do
   end subroutine

   ! The tensor's shape of an array's extents. A single number is a tensor of one dimension with one element.
   pure subroutine reverse(extents, reversed)
      integer(c_int64_t), intent(in) :: extents(:)
      integer(c_int64_t), intent(out) :: reversed(:)
      reversed = 1
      reversed(1:size(extents)) = extents(size(extents):1:-1)
   end subroutine

   subroutine close_client(self)
      type(inference_client), intent(inout) :: self
      call c_free(self%handle)
      self%handle = c_null_ptr
   end subroutine

   include "inferclient_script.inc"
   include "inferclient_dag.inc"

end module inferclient
