from django.contrib.auth.decorators import login_required
from django.shortcuts import get_object_or_404, render

from helpdesk.models import Ticket


@login_required
def ticket(request, pk):
    found = get_object_or_404(Ticket.objects.visible_to(request.user), pk=pk)
    return render(request, "helpdesk/ticket.html", {"ticket": found})
